"""How large a directory tree is, as Docker counts: lengths of all files and links, each inode once."""

from __future__ import annotations

import os
from typing import Final

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def tree_size(root: str) -> int:
    """Bytes. What disappears while it is being counted counts nothing.

    A container may change the tree meanwhile: directories are entered from their parents without following links.
    """
    total = 0
    seen: set[int] = set()
    levels: list[tuple[int, list[str]]] = [(os.open(root, _DIRECTORY), [""])]
    try:
        while levels:
            directory, names = levels[-1]
            if not names:
                os.close(levels.pop()[0])
                continue
            name = names.pop()
            try:
                fd = os.open(name, _DIRECTORY, dir_fd=directory) if name else os.dup(directory)
            except (FileNotFoundError, NotADirectoryError):
                continue
            below: list[str] = []
            levels.append((fd, below))
            total += _count(fd, seen, below)
    finally:
        for directory, _ in levels:
            os.close(directory)
    return total


def _count(directory: int, seen: set[int], below: list[str]) -> int:
    """The files of one directory; its directories go to ``below``."""
    total = 0
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                below.append(entry.name)
                continue
            try:
                info = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if info.st_nlink > 1:
                if info.st_ino in seen:
                    continue
                seen.add(info.st_ino)
            total += info.st_size
    return total
