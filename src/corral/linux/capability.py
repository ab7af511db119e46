"""capabilities(7): capget(2) and capset(2), version 3 of their structures, and what the kernel knows.

Sets are bit masks: bit N stands for the capability whose number in ``linux/capability.h`` is N. The bounding and
ambient sets are reached through ``linux.prctl``.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from dataclasses import dataclass
from typing import Final

from corral.linux import libc, prctl

_LINUX_CAPABILITY_VERSION_3: Final = 0x20080522
_HEADER: Final = struct.Struct("=Ii")
_DATA: Final = struct.Struct("=6I")  # two times effective, permitted, inheritable: low words, then high words
_Data: Final = ctypes.c_char * _DATA.size
_LAST_POSSIBLE: Final = 63


@dataclass(frozen=True, slots=True)
class CapabilitySets:
    """The three sets that belong to a thread alone."""

    effective: int
    permitted: int
    inheritable: int


def capget(pid: int = 0) -> CapabilitySets:
    """The sets of a thread, 0 for the calling one. Raises OSError."""
    data = _Data()
    libc.syscall("capget", _header(pid), data)
    low = _DATA.unpack(data.raw)
    return CapabilitySets(*(low[i] | low[i + 3] << 32 for i in range(3)))


def capset(sets: CapabilitySets) -> None:
    """Set those of the calling thread. Raises OSError, EPERM when a set is not within what the thread may have."""
    masks = (sets.effective, sets.permitted, sets.inheritable)
    record = _DATA.pack(*(mask & 0xFFFFFFFF for mask in masks), *(mask >> 32 for mask in masks))
    libc.syscall("capset", _header(0), record)


@functools.cache
def last_cap() -> int:
    """The highest number that the running kernel knows; asked of the kernel itself when procfs does not say."""
    try:
        with open("/proc/sys/kernel/cap_last_cap", "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return max((n for n in range(_LAST_POSSIBLE + 1) if _known(n)), default=-1)


def bounding_set() -> int:
    """The bounding set of the calling thread."""
    return sum(1 << n for n in range(last_cap() + 1) if prctl.capbset_read(n))


def _header(pid: int) -> bytes:
    return _HEADER.pack(_LINUX_CAPABILITY_VERSION_3, pid)


def _known(number: int) -> bool:
    try:
        prctl.capbset_read(number)
    except OSError:
        return False
    return True
