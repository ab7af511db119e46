"""The chain of files of one log: ``X`` is being written, ``X.1`` (or ``X.1.gz``) came before it, ``X.2`` before that.

Rotation renames them at any moment. A chain is opened from the newest on, and files are told apart by inode: what is
renamed meanwhile is met again under its next name and recognized, so that nothing is read twice or left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

__all__ = ["Part", "close_all", "open_chain", "open_newer"]


@dataclass(frozen=True, slots=True)
class Part:
    """An open file. ``size`` in bytes and ``modified`` in nanoseconds as they were when it was opened."""

    fd: int
    compressed: bool
    identity: tuple[int, int]
    size: int
    modified: int

    def close(self) -> None:
        os.close(self.fd)


def open_chain(path: str) -> list[Part]:
    """All files of the log, the oldest first; empty when there is none."""
    return _walk(path, lambda _: False)


def open_newer(path: str, known: Part) -> list[Part]:
    """The files that were begun after ``known``, the oldest first: none, when it is still the one being written.

    ``known`` must be open, or its inode may belong to another file by now.
    """
    return _walk(path, lambda part: part.identity == known.identity)


def _walk(path: str, is_end: Callable[[Part], bool]) -> list[Part]:
    parts: list[Part] = []
    seen = set()
    number = missing = 0
    with ExitStack() as undo:
        undo.callback(close_all, parts)
        # A rotation in progress leaves one gap, nothing leaves two.
        while missing < 2:
            name = f"{path}.{number}" if number else path
            part = _open(name, compressed=False) or (_open(f"{name}.gz", compressed=True) if number else None)
            number += 1
            missing = missing + 1 if part is None else 0
            if part is None:
                continue
            if is_end(part) or part.identity in seen:
                part.close()
                if is_end(part):
                    break
                continue
            seen.add(part.identity)
            parts.append(part)
        undo.pop_all()
    return parts[::-1]


def _open(name: str, *, compressed: bool) -> Part | None:
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    status = os.fstat(fd)
    return Part(fd, compressed, (status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns)


def close_all(parts: list[Part]) -> None:
    for part in parts:
        part.close()
    parts.clear()
