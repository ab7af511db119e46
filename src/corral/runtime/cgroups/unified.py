"""Version 2 files by name (``linux.resources.unified``): written as they are, after everything else.

This is how memory.min and memory.high, io.latency, io.cost.*, misc.max and all that the specification has no word for
are set. Unlike other limits they are asked for by their exact name, so one that cannot be had is an error.
"""

from __future__ import annotations

import errno
from typing import Final

from corral.errors import Invalid
from corral.oci.runtime import Resources
from corral.runtime.cgroups.write import Write

__all__ = ["check", "is_asked", "refusal", "v2"]

_CORE: Final = "cgroup"
"""Not a controller: cgroup.max.depth and the like are in every group."""
_PRESSURE: Final = ("cpu.pressure", "memory.pressure", "io.pressure", "irq.pressure")
"""Are there without their controllers, too."""


def is_asked(resources: Resources) -> bool:
    return bool(resources.unified)


def check(resources: Resources, controllers: frozenset[str] | None) -> None:
    """``controllers`` of version 2, None when it is not mounted. Raises Invalid for what cannot be there."""
    for file in resources.unified:
        if "/" in file:
            raise Invalid(f'unified resource "{file}" must be a file name (no slashes)')
        controller, dot, parameter = file.partition(".")
        if not (controller and dot and parameter):
            raise Invalid(f'unified resource "{file}" must be in the form CONTROLLER.PARAMETER')
        if controllers is None:
            raise Invalid("invalid configuration: cannot use unified on cgroup v1")
        if controller not in controllers and controller != _CORE and file not in _PRESSURE:
            raise Invalid(f'unified resource "{file}" can\'t be set: controller "{controller}" not available')


def v2(resources: Resources) -> list[Write]:
    """A key with several lines is several writes."""
    return [
        Write(file, line, must=True) for file, value in resources.unified.items() for line in value.strip().split("\n")
    ]


def refusal(file: str, error: OSError) -> Invalid:
    """``error`` came from writing ``file``."""
    reason = "no such file or directory" if error.errno == errno.ENOENT else error.strerror
    return Invalid(f'unable to set unified resource "{file}": {reason}')
