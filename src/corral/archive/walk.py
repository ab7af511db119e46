"""Walking a tree that someone else may be changing, without being led out of it.

A container's files are its own to rename and replace while they are read. Every step is therefore taken from an open
directory, by one name, without following; what a name turned out to be is decided on a descriptor that was opened with
O_PATH (opening a device or a fifo for real has effects), and only then is a file opened for reading through it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import Final

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PATH: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class Node:
    """Something in the tree. ``path`` is relative to the root ("" for the root itself); ``fd`` is an O_PATH descriptor
    that is valid until the next node is asked for.
    """

    __slots__ = ("fd", "info", "path")

    def __init__(self, path: bytes, fd: int, info: os.stat_result) -> None:
        self.path = path
        self.fd = fd
        self.info = info

    @property
    def magic(self) -> bytes:
        """A path that leads the kernel to exactly this node."""
        return b"/proc/self/fd/%d" % self.fd

    def readlink(self) -> bytes:
        return os.readlink(b"", dir_fd=self.fd)

    @contextlib.contextmanager
    def open(self) -> Iterator[int]:
        """A regular file, for reading."""
        fd = os.open(self.magic, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            yield fd
        finally:
            os.close(fd)

    def xattrs(self) -> dict[bytes, bytes]:
        """All extended attributes; none for what cannot have any, and none of a symbolic link."""
        if stat.S_ISLNK(self.info.st_mode):
            return {}
        try:
            names = os.listxattr(self.magic)
        except OSError as error:
            if error.errno == errno.ENOTSUP:
                return {}
            raise
        return {os.fsencode(name): os.getxattr(self.magic, name) for name in names}


def open_root(path: str) -> int:
    """Raises OSError."""
    return os.open(path, _DIRECTORY)


def walk(root: int) -> Iterator[Node]:
    """The root, then everything below, each directory before what is in it, names in order of their bytes.

    What disappears meanwhile is left out. Raises OSError for what cannot be read.
    """
    fd = os.open(b".", _PATH, dir_fd=root)
    try:
        yield Node(b"", fd, os.fstat(fd))
    finally:
        os.close(fd)
    levels = [_Level(os.dup(root), b"")]
    try:
        while levels:
            level = levels[-1]
            if not level.names:
                os.close(levels.pop().fd)
                continue
            name = level.names.pop()
            try:
                fd = os.open(name, _PATH, dir_fd=level.fd)
            except FileNotFoundError:
                continue
            try:
                info = os.fstat(fd)
                yield Node(level.prefix + name, fd, info)
                if stat.S_ISDIR(info.st_mode):
                    inner = os.open(b"/proc/self/fd/%d" % fd, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                    levels.append(_Level(inner, level.prefix + name + b"/"))
            finally:
                os.close(fd)
    finally:
        for level in levels:
            os.close(level.fd)


class _Level:
    """A directory that is being read, and the names in it that are left, last first."""

    __slots__ = ("fd", "names", "prefix")

    def __init__(self, fd: int, prefix: bytes) -> None:
        self.fd = fd
        self.prefix = prefix
        self.names = sorted((os.fsencode(name) for name in os.listdir(fd)), reverse=True)


def regions(fd: int, size: int) -> list[tuple[int, int]]:
    """Offsets and lengths of what is not a hole. Source: lseek(2), SEEK_DATA."""
    found = []
    position = 0
    while position < size:
        try:
            start = os.lseek(fd, position, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole is left
            break
        if start >= size:
            break
        position = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        found.append((start, position - start))
    return found
