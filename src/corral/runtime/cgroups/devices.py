"""The device controller: which device nodes may be made, read and written.

The rules, in order, come to a default and exceptions from it, as the kernel's version 1 controller keeps them.
Version 1 has files for that; in version 2 an eBPF program attached to the group decides (``device_program``).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from corral.oci.runtime import DeviceRule, Resources
from corral.runtime.cgroups.write import Write

__all__ = ["DEFAULT_RULES", "DeviceList", "Entry", "device_list", "is_asked", "v1"]

_EVERYTHING: Final = ("", "a")
_ALL_ACCESS: Final = "rwm"

DEFAULT_RULES: Final[tuple[DeviceRule, ...]] = (
    DeviceRule(allow=False, type="a", access=_ALL_ACCESS),
    # Any node may be made: it cannot be opened. mknod of all kinds is what package managers do.
    DeviceRule(allow=True, type="c", access="m"),
    DeviceRule(allow=True, type="b", access="m"),
    DeviceRule(allow=True, type="c", major=1, minor=3, access=_ALL_ACCESS),  # null
    DeviceRule(allow=True, type="c", major=1, minor=5, access=_ALL_ACCESS),  # zero
    DeviceRule(allow=True, type="c", major=1, minor=7, access=_ALL_ACCESS),  # full
    DeviceRule(allow=True, type="c", major=1, minor=8, access=_ALL_ACCESS),  # random
    DeviceRule(allow=True, type="c", major=1, minor=9, access=_ALL_ACCESS),  # urandom
    DeviceRule(allow=True, type="c", major=5, minor=0, access=_ALL_ACCESS),  # tty
    DeviceRule(allow=True, type="c", major=5, minor=1, access=_ALL_ACCESS),  # console
    DeviceRule(allow=True, type="c", major=5, minor=2, access=_ALL_ACCESS),  # ptmx
    DeviceRule(allow=True, type="c", major=136, access=_ALL_ACCESS),  # pts
)
"""What every container that is not privileged starts from."""


@dataclass(frozen=True, slots=True)
class Entry:
    """``type`` c or b; numbers None for all; ``access`` out of "rwm", in that order."""

    type: str
    major: int | None
    minor: int | None
    access: str


@dataclass(frozen=True, slots=True)
class DeviceList:
    """``allow``: what happens to devices that no exception names."""

    allow: bool
    exceptions: tuple[Entry, ...]

    @property
    def is_unrestricted(self) -> bool:
        return self.allow and not self.exceptions


def is_asked(resources: Resources) -> bool:
    return bool(resources.devices)


def device_list(rules: Iterable[DeviceRule]) -> DeviceList:
    """What the rules come to, starting from everything allowed.

    As in the kernel: a rule for all devices sets the default and forgets the exceptions; a rule that agrees with the
    default takes access away from the exception with the very same numbers; any other adds to it.
    """
    allow = True
    exceptions: dict[tuple[str, int | None, int | None], set[str]] = {}
    for rule in rules:
        access = rule.access or _ALL_ACCESS
        major, minor = _number(rule.major), _number(rule.minor)
        if rule.type in _EVERYTHING and major is None and minor is None and set(access) >= set(_ALL_ACCESS):
            allow = rule.allow
            exceptions.clear()
            continue
        for kind in ("c", "b") if rule.type in _EVERYTHING else (rule.type,):
            key = (kind, major, minor)
            if rule.allow != allow:
                exceptions.setdefault(key, set()).update(access)
            elif key in exceptions:
                exceptions[key] -= set(access)
                if not exceptions[key]:
                    del exceptions[key]
    return DeviceList(
        allow,
        tuple(
            Entry(*key, "".join(letter for letter in _ALL_ACCESS if letter in access))
            for key, access in exceptions.items()
        ),
    )


def v1(resources: Resources) -> list[Write]:
    """For a new group, which starts with everything allowed, below parents that do."""
    return list(_v1(resources.devices))


@functools.lru_cache(16)
def _v1(rules: tuple[DeviceRule, ...]) -> tuple[Write, ...]:
    """Most containers have the same rules."""
    devices = device_list(rules)
    if devices.is_unrestricted:
        return ()
    default = () if devices.allow else (Write("devices.deny", "a"),)
    file = "devices.deny" if devices.allow else "devices.allow"
    return default + tuple(
        Write(file, f"{e.type} {_text(e.major)}:{_text(e.minor)} {e.access}") for e in devices.exceptions
    )


def _number(number: int | None) -> int | None:
    return None if number is None or number < 0 else number


def _text(number: int | None) -> str:
    return "*" if number is None else str(number)
