"""The directory at the bottom of every root: mount points that an image may lack.

A container gets /proc, /sys, /dev and three files in /etc mounted over. Made in the container's own layer where the
image lacks them, they would show up in ``docker diff`` and be committed; Docker therefore puts a layer of its own
between image and container, one more for each. Here one directory, made once, lies below all images: what an image
brings wins over it, attributes included, and the container's layer stays clean at no cost per container.

The directory's name carries a version, because a directory that is mounted as a lower layer must not change.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

ID: Final = "mountpoints-1"
_DIRECTORIES: Final = ("dev", "dev/pts", "dev/shm", "etc", "proc", "sys")
_FILES: Final = (".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf")
_LINKS: Final = (("etc/mtab", "/proc/mounts"),)


def make(directory: Path) -> None:
    """Fills ``directory``, which must exist; idempotent, so that an interrupted run is completed."""
    for name in _DIRECTORIES:
        with contextlib.suppress(FileExistsError):
            os.mkdir(directory / name)
        os.chmod(directory / name, 0o755)  # noqa: S103
    for name in _FILES:
        fd = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o755)
        os.fchmod(fd, 0o755)
        os.close(fd)
    for name, target in _LINKS:
        with contextlib.suppress(FileExistsError):
            os.symlink(target, directory / name)
