"""ioctls of btrfs: making, copying and removing subvolumes. Source: linux/btrfs.h, btrfs-ioctl(2)."""

from __future__ import annotations

import fcntl
import os
import struct
from typing import Final

from corral.linux.statfs import fs_type

__all__ = ["BTRFS_SUPER_MAGIC", "create_subvolume", "destroy_subvolume", "is_btrfs", "is_subvolume", "snapshot"]

BTRFS_SUPER_MAGIC: Final = 0x9123683E
_FIRST_FREE_OBJECTID: Final = 256
"""The inode number of every subvolume's root, and of nothing else."""

_ARGS: Final = struct.Struct("=q4088s")
_ARGS_V2: Final = struct.Struct("=qQQ32x4040s")


def _write(number: int) -> int:
    return 1 << 30 | 4096 << 16 | 0x94 << 8 | number


BTRFS_IOC_SUBVOL_CREATE: Final = _write(14)
BTRFS_IOC_SNAP_DESTROY: Final = _write(15)
BTRFS_IOC_SNAP_CREATE_V2: Final = _write(23)


def is_btrfs(path: str) -> bool:
    """Whether a directory lies on btrfs. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return fs_type(fd) & 0xFFFFFFFF == BTRFS_SUPER_MAGIC
    finally:
        os.close(fd)


def is_subvolume(info: os.stat_result) -> bool:
    """Whether a directory of a btrfs is the root of a subvolume."""
    return info.st_ino == _FIRST_FREE_OBJECTID


def create_subvolume(directory: int, name: str) -> None:
    """An empty one in an open directory. Raises OSError."""
    fcntl.ioctl(directory, BTRFS_IOC_SUBVOL_CREATE, bytearray(_ARGS.pack(0, os.fsencode(name))))


def snapshot(source: int, directory: int, name: str) -> None:
    """A writable copy of the subvolume whose root ``source`` is. Raises OSError."""
    fcntl.ioctl(directory, BTRFS_IOC_SNAP_CREATE_V2, bytearray(_ARGS_V2.pack(source, 0, 0, os.fsencode(name))))


def destroy_subvolume(directory: int, name: bytes) -> None:
    """The space comes back in the background. Raises OSError, ENOTEMPTY when there is another one inside."""
    fcntl.ioctl(directory, BTRFS_IOC_SNAP_DESTROY, bytearray(_ARGS.pack(0, name)))
