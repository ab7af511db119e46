"""The device controller: which device nodes may be made, read and written.

The rules, in order, come to a default and exceptions from it, as the kernel's version 1 controller keeps them.
Version 1 has files for that; in version 2 an eBPF program attached to the group decides (``device_program``).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from corral.oci.runtime import DeviceRule, Resources
from corral.runtime.cgroups.write import Write

__all__ = ["DEFAULT_RULES", "DeviceList", "Entry", "device_list", "is_asked", "v1", "v1_change"]

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
    DeviceRule(allow=True, type="c", major=10, minor=200, access=_ALL_ACCESS),  # net/tun, of no use without NET_ADMIN
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
    entries = [
        Entry(*key, "".join(letter for letter in _ALL_ACCESS if letter in access)) for key, access in exceptions.items()
    ]
    return DeviceList(allow, tuple(entry for entry in entries if not any(_covers(other, entry) for other in entries)))


def _covers(wide: Entry, narrow: Entry) -> bool:
    """Whether ``wide`` makes ``narrow``, another one, needless."""
    return (
        wide is not narrow
        and wide.type == narrow.type
        and wide.major in (None, narrow.major)
        and wide.minor in (None, narrow.minor)
        and set(wide.access) >= set(narrow.access)
    )


def v1(resources: Resources) -> list[Write]:
    """For a new group, which starts with everything allowed, below parents that do."""
    return list(_v1(resources.devices))


def v1_change(listed: str, rules: tuple[DeviceRule, ...]) -> list[Write]:
    """From ``listed``, the text of devices.list, to what ``rules`` come to.

    As long as the default stays, only what differs is written: first what is allowed anew, then what no longer is.
    """
    target = device_list(rules)
    now = _parse_list(listed)
    if target.allow:
        return [Write("devices.allow", "a"), *_exceptions("devices.deny", target.exceptions)]
    if now.allow:
        return [Write("devices.deny", "a"), *_exceptions("devices.allow", target.exceptions)]
    gone = []
    for entry in now.exceptions:
        kept = next((e for e in target.exceptions if _key(e) == _key(entry)), None)
        rest = "".join(letter for letter in entry.access if kept is None or letter not in kept.access)
        if rest:
            gone.append(dataclasses.replace(entry, access=rest))
    new = [entry for entry in target.exceptions if entry not in now.exceptions]
    return [*_exceptions("devices.allow", new), *_exceptions("devices.deny", gone)]


def _parse_list(listed: str) -> DeviceList:
    """The kernel shows the exceptions of a list that denies by default, and no others."""
    exceptions = []
    for line in listed.splitlines():
        kind, numbers, access = line.split()
        if kind == "a":
            return DeviceList(True, ())
        major, _, minor = numbers.partition(":")
        exceptions.append(Entry(kind, _parse(major), _parse(minor), access))
    return DeviceList(False, tuple(exceptions))


@functools.lru_cache(16)
def _v1(rules: tuple[DeviceRule, ...]) -> tuple[Write, ...]:
    """Most containers have the same rules."""
    devices = device_list(rules)
    if devices.is_unrestricted:
        return ()
    default = () if devices.allow else (Write("devices.deny", "a"),)
    file = "devices.deny" if devices.allow else "devices.allow"
    return default + tuple(_exceptions(file, devices.exceptions))


def _exceptions(file: str, entries: Iterable[Entry]) -> list[Write]:
    return [Write(file, f"{e.type} {_text(e.major)}:{_text(e.minor)} {e.access}") for e in entries]


def _key(entry: Entry) -> tuple[str, int | None, int | None]:
    return entry.type, entry.major, entry.minor


def _parse(number: str) -> int | None:
    return None if number == "*" else int(number)


def _number(number: int | None) -> int | None:
    return None if number is None or number < 0 else number


def _text(number: int | None) -> str:
    return "*" if number is None else str(number)
