"""openat2(2): opening a path with rules for how it may be resolved. Linux 5.6."""

from __future__ import annotations

import os
import struct
from typing import Final

from corral.linux import libc

RESOLVE_NO_XDEV: Final = 0x01
RESOLVE_NO_MAGICLINKS: Final = 0x02
RESOLVE_NO_SYMLINKS: Final = 0x04
RESOLVE_BENEATH: Final = 0x08
RESOLVE_IN_ROOT: Final = 0x10

_OPEN_HOW: Final = struct.Struct("=3Q")


def openat2(dirfd: int, path: str | bytes, flags: int, *, mode: int = 0, resolve: int = 0) -> int:
    """A descriptor, close-on-exec. Raises OSError; EXDEV when RESOLVE_BENEATH or RESOLVE_NO_XDEV would be broken."""
    how = _OPEN_HOW.pack(flags | os.O_CLOEXEC, mode, resolve)
    return libc.syscall("openat2", dirfd, os.fsencode(path), how, _OPEN_HOW.size, path=path)
