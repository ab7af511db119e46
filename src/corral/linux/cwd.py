"""getcwd(2), the system call itself: the C library's function falls back to searching when the kernel says that the
directory is not reachable, and hides it that way."""

from __future__ import annotations

import ctypes
import os
from typing import Final

from corral.linux import libc

_PATH_MAX: Final = 4096
_Buffer: Final = ctypes.c_char * _PATH_MAX


def getcwd() -> str:
    """The path of the working directory; it begins with "(unreachable)" when it is outside of the process's root.

    Raises OSError, ENOENT when the directory was removed.
    """
    buffer = _Buffer()
    length = libc.syscall("getcwd", buffer, _PATH_MAX)
    return os.fsdecode(buffer.raw[: length - 1])
