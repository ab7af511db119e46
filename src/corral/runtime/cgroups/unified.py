"""Version 2 files by name (``linux.resources.unified``): written as they are, after everything else."""

from __future__ import annotations

from typing import Final

from corral.errors import Invalid
from corral.oci.runtime import Resources
from corral.runtime.cgroups.write import Write

__all__ = ["WARNING", "is_asked", "v2"]

WARNING: Final = "Your kernel does not have cgroup version 2 mounted. Unified resources discarded."


def is_asked(resources: Resources) -> bool:
    return bool(resources.unified)


def v2(resources: Resources) -> list[Write]:
    """A key with several lines is several writes. Raises Invalid for names that are not plain file names."""
    writes = []
    for file, value in resources.unified.items():
        if "/" in file or "." not in file or file.startswith("."):
            raise Invalid(f'unified resource "{file}" must be a file name (no slashes)')
        warning = f'unified resource "{file}" can\'t be set: the kernel does not have it. Limitation discarded.'
        writes += [Write(file, line, warning) for line in value.strip().split("\n")]
    return writes
