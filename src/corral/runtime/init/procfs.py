"""Writing to the host's procfs, and to nothing else.

A label, a score or a sysctl that lands in another file protects nobody, or does harm itself (CVE-2025-52881: a /proc
that the container had prepared, or something mounted over a file of it). They are written before the root changes and
before an exec enters a container's mount namespace, so /proc is the host's; that is checked all the same.
"""

from __future__ import annotations

import errno
import os
from typing import Final

from corral.linux.openat2 import RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_XDEV, openat2
from corral.linux.statfs import PROC_SUPER_MAGIC, fs_type

__all__ = ["write"]

_RESOLVE: Final = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV
_ROOT: Final = 1
"""The inode of a procfs's root directory."""


def write(path: str, text: str) -> None:
    """One write to the file ``path``, relative to /proc. Raises OSError; EXDEV when that is not a file of a procfs, or
    something is mounted on the way to it."""
    top = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if fs_type(top) != PROC_SUPER_MAGIC or os.fstat(top).st_ino != _ROOT:
            raise OSError(errno.EXDEV, "no procfs", "/proc")
        fd = openat2(top, path, os.O_WRONLY | os.O_NOFOLLOW, resolve=_RESOLVE)
    finally:
        os.close(top)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
