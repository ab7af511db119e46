"""Log rotation with Docker's names: ``X``, ``X.1``, ``X.2``, or ``X``, ``X.1.gz``, ``X.2.gz`` when compressed.

Can be interrupted anywhere: what is there decides what remains to be done. Files move up only as far as the first
gap, so that a rotation that is done again does not push out another file.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass

_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Rename:
    source: str
    target: str


def plan(path: str, max_files: int, compress: bool, exists: Callable[[str], bool]) -> list[Rename]:
    """The renames, in order, that make ``path`` free and leave at most ``max_files`` with a new one.

    Empty when there is only one file, which is to be emptied instead.
    """
    if max_files < 2:
        return []
    suffix = ".gz" if compress else ""
    older = [f"{path}.{number}{suffix}" for number in range(1, max_files)]
    gap = next((index for index, name in enumerate(older) if not exists(name)), len(older) - 1)
    moves = [Rename(older[index - 1], older[index]) for index in range(gap, 0, -1)]
    return [*moves, Rename(path, f"{path}.1")]


def rotate(path: str, max_files: int, compress: bool) -> None:
    """Make ``path`` free, or empty. Raises OSError."""
    moves = plan(path, max_files, compress, os.path.exists)
    for move in moves:
        os.rename(move.source, move.target)
    if not moves:
        os.truncate(path, 0)


def compress_file(path: str) -> None:
    """``path`` becomes ``path.gz``, which appears when it is complete. Takes its time: for a forked child.

    Another child, of a supervisor that died, may be at it: then this one waits, and finds that it is done. Raises
    OSError.
    """
    import zlib

    try:
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    fcntl.flock(source, fcntl.LOCK_EX)
    if not _is(path, source):
        return
    deflate = zlib.compressobj(6, zlib.DEFLATED, 31)
    unfinished = f"{path}.tmp"
    target = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    while chunk := os.read(source, _CHUNK):
        _write(target, deflate.compress(chunk))
    _write(target, deflate.flush())
    os.rename(unfinished, f"{path}.gz")
    os.unlink(path)


def _is(path: str, fd: int) -> bool:
    """Whether ``path`` still is what ``fd`` is open on."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
