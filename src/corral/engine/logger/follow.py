"""Reading on as a log grows, from file to file, until its container has ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Final

from corral.engine.logger.files import Part, close_all, open_chain, open_newer
from corral.engine.logger.lines import Lines, PlainLines
from corral.engine.logger.watch import DirectoryWatch

__all__ = ["Follower"]

_PERIOD: Final = 0.1
"""Seconds between two looks at whether the container has ended, while nothing is written."""

_MOST_WAITING: Final = 32
"""Files kept open for a reader that does not keep up with rotation: they cannot give their space back."""

log = logging.getLogger(__name__)


class Follower:
    """One who follows the log at ``path``. Used as: ``start``, ``adopt``, ``lines``, and ``close`` in any case.

    New files are opened the moment they appear, however slowly the lines are consumed, because rotation renames and
    deletes them meanwhile.
    """

    def __init__(self, path: str, watch: DirectoryWatch) -> None:
        self._path = path
        self._watch = watch
        self._changed = asyncio.Event()
        self._current: Part | None = None
        self._waiting: list[Part] = []
        self._stop_watching: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin to watch: before the files are opened that are there already. Raises OSError."""
        self._stop_watching = self._watch.add(self._path.rpartition("/")[0], self._on_change)

    def adopt(self, newest: Part | None) -> None:
        """Go on from this file, which is closed by ``close``; None: from the first one that will be written."""
        self._current = newest

    def close(self) -> None:
        if self._stop_watching is not None:
            self._stop_watching()
        close_all(self._waiting)
        if self._current is not None:
            self._current.close()
            self._current = None

    async def lines(
        self, first: Lines | None, ended: Callable[[], bool], expired: Callable[[], bool]
    ) -> AsyncIterator[list[bytes]]:
        """``first`` reads the adopted file. Ends when all is read and ``ended`` or ``expired`` are true."""
        reader = first
        last_round = False
        while True:
            if reader is not None:
                while (block := reader.read()) is not None:
                    yield block
                    await asyncio.sleep(0)
            if self._waiting:
                reader = self._next()
            elif last_round or expired():
                return
            elif ended():
                # What was written before the end may have been written after the look at the file.
                last_round = True
                self._look()
            else:
                await self._wait()

    def _next(self) -> Lines:
        if self._current is not None:
            self._current.close()
        self._current = self._waiting.pop(0)
        return PlainLines(self._current.fd, 0, None)

    async def _wait(self) -> None:
        timer = asyncio.get_running_loop().call_later(_PERIOD, self._changed.set)
        try:
            await self._changed.wait()
        finally:
            timer.cancel()
            self._changed.clear()

    def _on_change(self, appeared: bool) -> None:
        if appeared:
            self._look()
        self._changed.set()

    def _look(self) -> None:
        """Open the files that were begun since the last one that is known."""
        newest = self._waiting[-1] if self._waiting else self._current
        parts = open_chain(self._path) if newest is None else open_newer(self._path, newest)
        for part in parts:
            if part.compressed:
                part.close()  # older than anything that is being waited for
            else:
                self._waiting.append(part)
        while len(self._waiting) > _MOST_WAITING:
            log.warning("a reader of %s is too slow: part of the log is skipped", self._path)
            self._waiting.pop(0).close()
