"""tee(2), splice(2) and the size of pipes: moving bytes between pipes without consuming or copying them."""

from __future__ import annotations

import fcntl
import os
from typing import Final

from corral.linux import libc

SPLICE_F_MOVE: Final = 1
SPLICE_F_NONBLOCK: Final = 2
SPLICE_F_MORE: Final = 4


def tee(fd_in: int, fd_out: int, length: int, flags: int = SPLICE_F_NONBLOCK) -> int:
    """Duplicate up to ``length`` bytes from one pipe to another without consuming them.

    Returns how many (0: the input is at its end). Raises BlockingIOError when there is nothing to duplicate or no
    room, OSError otherwise.
    """
    return libc.syscall("tee", fd_in, fd_out, length, flags)


def splice(fd_in: int, fd_out: int, length: int, flags: int = SPLICE_F_NONBLOCK) -> int:
    """Move up to ``length`` bytes; one of the two must be a pipe. Returns how many. Raises OSError."""
    return os.splice(fd_in, fd_out, length, flags=flags)


def pipe_size(fd: int) -> int:
    """Capacity in bytes."""
    return fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)


def set_pipe_size(fd: int, size: int) -> int:
    """Ask for a capacity in bytes; the kernel rounds up. Returns the capacity. Raises OSError."""
    return fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, size)
