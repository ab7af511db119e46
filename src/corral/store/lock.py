"""Locks of files, flock(2): the kernel lets go of them when a process dies, however it does."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from corral.errors import Conflict

__all__ = ["exclusive", "held"]


@contextlib.contextmanager
def held(path: Path, how: int) -> Iterator[None]:
    """``how``: of flock(2); the file is made if need be. Raises OSError."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, how)
        yield
    finally:
        os.close(fd)


@contextlib.contextmanager
def exclusive(path: Path, taken: str) -> Iterator[None]:
    """Does not wait: raises Conflict with the text ``taken`` when somebody has it, OSError when there can be none."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(held(path, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            raise Conflict(taken) from None
        yield
