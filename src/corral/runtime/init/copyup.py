"""What the image has below a mount point, copied into a tmpfs (``tmpcopyup``) or into a new volume."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Final

__all__ = ["copy_tree", "fill"]

_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def fill(source: int, destination: int) -> None:
    """Make an empty directory like another one: content, owner, mode. One that is not empty stays as it is.

    Raises OSError.
    """
    fd = os.open(".", _OPEN | os.O_DIRECTORY, dir_fd=destination)
    try:
        if os.listdir(fd):
            return
        copy_tree(source, fd)
        status = os.fstat(source)
        os.fchown(fd, status.st_uid, status.st_gid)
        os.fchmod(fd, stat.S_IMODE(status.st_mode))
    finally:
        os.close(fd)


def copy_tree(source: int, destination: int) -> None:
    """Copy the content of one directory into another, both given by descriptors (O_PATH is enough). Never follows a
    link. Sockets and devices are left out. Raises OSError."""
    below, above = os.open(".", _OPEN | os.O_DIRECTORY, dir_fd=source), os.open(".", _OPEN, dir_fd=destination)
    try:
        for name in os.listdir(below):
            _copy(name, below, above)
    finally:
        os.close(below)
        os.close(above)


def _copy(name: str, below: int, above: int) -> None:
    status = os.stat(name, dir_fd=below, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(name, dir_fd=below), name, dir_fd=above)
    elif stat.S_ISDIR(status.st_mode):
        os.mkdir(name, dir_fd=above)
        source, destination = os.open(name, _OPEN, dir_fd=below), os.open(name, _OPEN, dir_fd=above)
        try:
            copy_tree(source, destination)
        finally:
            os.close(source)
            os.close(destination)
    elif stat.S_ISREG(status.st_mode):
        _copy_file(name, below, above, status.st_size)
    elif stat.S_ISFIFO(status.st_mode):
        os.mkfifo(name, dir_fd=above)
    else:
        return
    os.chown(name, status.st_uid, status.st_gid, dir_fd=above, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(name, stat.S_IMODE(status.st_mode), dir_fd=above)
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        _copy_attributes(name, below, above)
    os.utime(name, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=above, follow_symlinks=False)


def _copy_attributes(name: str, below: int, above: int) -> None:
    """Extended attributes, after the owner: changing that drops file capabilities. Those that a file system does not
    take are left out."""
    source = os.open(name, _OPEN, dir_fd=below)
    destination = os.open(name, _OPEN, dir_fd=above)
    try:
        for attribute in os.listxattr(source):
            with contextlib.suppress(OSError):
                os.setxattr(destination, attribute, os.getxattr(source, attribute))
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
    finally:
        os.close(source)
        os.close(destination)


def _copy_file(name: str, below: int, above: int, size: int) -> None:
    source = os.open(name, _OPEN, dir_fd=below)
    destination = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    try:
        while size > 0 and (sent := os.sendfile(destination, source, None, size)):
            size -= sent
    finally:
        os.close(source)
        os.close(destination)
