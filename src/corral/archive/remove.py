"""Removing a directory tree, however deep it is.

A program may nest directories as deep as it likes, deeper than any path can say and than a recursive function or a pile
of open descriptors can follow. Here every directory that is not empty is first moved up beside the tree's root, so that
nothing is ever deeper than one level.
"""

from __future__ import annotations

import errno
import os
from typing import Final

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_EMPTY: Final = (errno.ENOTEMPTY, errno.EEXIST)


def remove_tree(name: bytes, dir_fd: int) -> None:
    """Removes the directory ``name`` in ``dir_fd``, never following a link. Raises OSError."""
    pending = [name]
    while pending:
        current = pending.pop()
        fd = os.open(current, _DIRECTORY, dir_fd=dir_fd)
        try:
            pending += _empty(fd, dir_fd)
        finally:
            os.close(fd)
        os.rmdir(current, dir_fd=dir_fd)


def _empty(fd: int, dir_fd: int) -> list[bytes]:
    """Removes what is in a directory; what cannot go at once is moved to ``dir_fd``, and its new names returned."""
    moved = []
    with os.scandir(fd) as entries:
        found = [(os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in found:
        if not is_directory:
            os.unlink(name, dir_fd=fd)
            continue
        try:
            os.rmdir(name, dir_fd=fd)
        except OSError as error:
            if error.errno not in _NOT_EMPTY:
                raise
            away = b".removed-" + os.urandom(8).hex().encode()
            os.rename(name, away, src_dir_fd=fd, dst_dir_fd=dir_fd)
            moved.append(away)
    return moved
