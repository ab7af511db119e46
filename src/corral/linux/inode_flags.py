"""ioctl_iflags(2): the attributes of files and directories that chattr(1) shows."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from typing import Final

__all__ = ["FS_TOPDIR_FL", "get_flags", "set_flags", "spread"]

FS_TOPDIR_FL: Final = 0x00020000
"""What is in this directory is unrelated: ext4 gives each subdirectory another part of the disk."""

_LONG: Final = struct.calcsize("l")
FS_IOC_GETFLAGS: Final = 2 << 30 | _LONG << 16 | ord("f") << 8 | 1
FS_IOC_SETFLAGS: Final = 1 << 30 | _LONG << 16 | ord("f") << 8 | 2
_FLAGS: Final = struct.Struct("=I")  # whatever the numbers say: the kernel reads and writes an int


def get_flags(path: str) -> int:
    """Raises OSError, ENOTTY where the file system has no such thing."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return _get(fd)
    finally:
        os.close(fd)


def set_flags(path: str, flags: int) -> None:
    """Add ``flags`` to those that are set. Raises OSError, ENOTTY or EOPNOTSUPP where they mean nothing."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        before = _get(fd)
        if before | flags != before:
            fcntl.ioctl(fd, FS_IOC_SETFLAGS, _FLAGS.pack(before | flags))
    finally:
        os.close(fd)


def spread(path: str) -> None:
    """Tell the file system that what is made in this directory and deleted again has nothing to do with each other.

    ext4 does not use an inode again for minutes after it was deleted, and looks at each of them, in the part of the
    disk where the directory is, before it finds a free one: thousands, where containers come and go. File systems
    that have no such parts refuse, which is no matter.
    """
    with contextlib.suppress(OSError):
        set_flags(path, FS_TOPDIR_FL)


def _get(fd: int) -> int:
    flags: int = _FLAGS.unpack(fcntl.ioctl(fd, FS_IOC_GETFLAGS, bytes(_FLAGS.size)))[0]
    return flags
