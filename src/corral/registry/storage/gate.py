"""Keeps those who make content visible apart from the one who takes content away, across processes.

A blob gets its name in the file system and its link in the database: two steps. Whoever takes both holds the gate open;
the collector closes it for the moment in which it looks whether a blob has a link and removes it. The kernel lets go of
both when a process dies.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from corral.store.lock import held

__all__ = ["Gate"]


class Gate:
    def __init__(self, path: Path) -> None:
        self._path = path

    @contextlib.contextmanager
    def held_open(self) -> Iterator[None]:
        """Blocks for the moment of a removal; for threads, not for the event loop."""
        with held(self._path, fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        with held(self._path, fcntl.LOCK_EX):
            yield
