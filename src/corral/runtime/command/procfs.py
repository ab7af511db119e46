"""Whether a process is the one that was meant: its number may have been given to another one since."""

from __future__ import annotations

import errno
import os
from typing import Final

from corral.linux import procstat

__all__ = ["is_alive", "open_process", "ticks_of"]

_DEAD: Final = (b"Z", b"X", b"x")


def ticks_of(pid: int) -> int:
    """When it began, in clock ticks since boot; 0 when it has ended, whether or not somebody has waited for it."""
    fields = procstat.fields(pid)
    return 0 if not fields or fields[procstat.STATE] in _DEAD else int(fields[procstat.START])


def is_alive(pid: int, ticks: int) -> bool:
    return pid > 0 and ticks_of(pid) == ticks


def open_process(pid: int, ticks: int) -> int | None:
    """A pidfd of it, None when it has ended. Raises OSError."""
    try:
        fd = os.pidfd_open(pid)
    except OSError as error:
        if error.errno in (errno.ESRCH, errno.EINVAL):
            return None
        raise
    if ticks_of(pid) == ticks:  # asked after the descriptor is there: it is the one
        return fd
    os.close(fd)
    return None
