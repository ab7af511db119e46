"""syncfs(2), sync_file_range(2)."""

from __future__ import annotations

from typing import Final

from corral.linux import libc

SYNC_FILE_RANGE_WRITE: Final = 2


def syncfs(fd: int) -> None:
    """Write out everything of the file system that ``fd`` is on, data and metadata. Raises OSError."""
    libc.syscall("syncfs", fd)


def start_writing(fd: int) -> None:
    """Have what was written to a file go to the disk, without waiting for it. Raises OSError."""
    libc.syscall("sync_file_range", fd, 0, 0, SYNC_FILE_RANGE_WRITE)
