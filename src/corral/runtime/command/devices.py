"""The devices that every container has, as rules of the device controller (config-linux.md, "Default Devices").

The specification's rules only say what is to be allowed beyond them: ``runc spec`` begins with "deny everything".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from corral.oci.runtime import DeviceRule, Resources

__all__ = ["with_defaults"]

_ALL: Final = "rwm"
_NOTHING: Final = DeviceRule(allow=False, type="a", access=_ALL)
_DEFAULTS: Final = (
    DeviceRule(True, "c", None, None, "m"),  # making a node is not using it
    DeviceRule(True, "b", None, None, "m"),
    *(DeviceRule(True, "c", 1, minor, _ALL) for minor in (3, 5, 7, 8, 9)),  # null zero full random urandom
    *(DeviceRule(True, "c", 5, minor, _ALL) for minor in (0, 1, 2)),  # tty console ptmx
    DeviceRule(True, "c", 136, None, _ALL),  # pts
)


def with_defaults(resources: Resources | None) -> Resources:
    """Without rules of its own a container has nothing but the defaults."""
    resources = resources or Resources()
    return replace(resources, devices=(*(resources.devices or (_NOTHING,)), *_DEFAULTS))
