"""fstatfs(2): of which type a file system is."""

from __future__ import annotations

import ctypes
import struct
from typing import Final

from corral.linux import libc

PROC_SUPER_MAGIC: Final = 0x9FA0

_SIZE: Final = 120
"""struct statfs on 64-bit machines; f_type is its first member."""
_TYPE: Final = struct.Struct("@l")


def fs_type(fd: int) -> int:
    """``f_type`` of the file system that ``fd`` is on. Raises OSError."""
    buffer = ctypes.create_string_buffer(_SIZE)
    libc.syscall("fstatfs", fd, buffer)
    (kind,) = _TYPE.unpack_from(buffer)
    return int(kind)
