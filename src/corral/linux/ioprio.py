"""ioprio_set(2): the priority of a process's requests to block devices."""

from __future__ import annotations

from typing import Final

from corral.linux import libc

IOPRIO_WHO_PROCESS: Final = 1
CLASSES: Final[dict[str, int]] = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
_CLASS_SHIFT: Final = 13


def ioprio_set(which: int, who: int, ioclass: int, priority: int) -> None:
    """``who`` 0: the caller; ``priority`` 0 (highest) to 7. Raises OSError."""
    libc.syscall("ioprio_set", which, who, ioclass << _CLASS_SHIFT | priority)


def ioprio_get(which: int, who: int) -> tuple[int, int]:
    """``(class, priority)``. Raises OSError."""
    value = libc.syscall("ioprio_get", which, who)
    return value >> _CLASS_SHIFT, value & ((1 << _CLASS_SHIFT) - 1)
