"""syncfs(2)."""

from __future__ import annotations

from corral.linux import libc


def syncfs(fd: int) -> None:
    """Write out everything of the file system that ``fd`` is on, data and metadata. Raises OSError."""
    libc.syscall("syncfs", fd)
