"""execveat(2): executing a file by directory descriptor, without a path that somebody could have replaced."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

from corral.linux import libc


def execveat(dirfd: int, path: str, argv: Sequence[str], env: Sequence[str], flags: int = 0) -> None:
    """Become the program; does not return. Raises OSError, ValueError for a string with a null byte in it.

    ``dirfd`` may be close-on-exec, but not for a script: its interpreter could not open it. The process's name is the
    last component of ``path``.
    """
    libc.syscall("execveat", dirfd, os.fsencode(path), _strings(argv), _strings(env), flags, path=path)


def _strings(items: Sequence[str]) -> ctypes.Array[ctypes.c_char_p]:
    strings = [os.fsencode(item) for item in items]
    if any(b"\0" in string for string in strings):
        raise ValueError("embedded null byte")
    return (ctypes.c_char_p * (len(strings) + 1))(*strings, None)
