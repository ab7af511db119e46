"""``docker logs``: the lines of a container's json-file log that were asked for, as they were written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from corral.api.types.container import LogsOptions
from corral.engine.logger.files import close_all, open_chain
from corral.engine.logger.follow import Follower
from corral.engine.logger.lines import Lines
from corral.engine.logger.selection import Selection
from corral.engine.logger.tail import begin
from corral.engine.logger.watch import DirectoryWatch

__all__ = ["LogReader"]


class LogReader:
    """Any number of readers at a time. ``clock``: nanoseconds since the epoch."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._watch = DirectoryWatch()

    def read(self, path: Path, options: LogsOptions, ended: Callable[[], bool]) -> AsyncIterator[tuple[int, bytes]]:
        """``(1 for stdout or 2 for stderr, bytes)``: one entry each, a line or a part of a long one.

        As Docker does it: ``tail`` counts entries, of both streams and before ``since`` and ``until`` (both inclusive)
        are looked at. With ``follow`` it goes on, across rotation, until ``ended`` or the time ``until`` has come;
        without, it ends where the log ended when reading began. A log that does not exist is empty. Raises OSError.
        """
        return self._follow(str(path), options, ended) if options.follow else self._once(str(path), options)

    async def _once(self, path: str, options: LogsOptions) -> AsyncIterator[tuple[int, bytes]]:
        selection = Selection(options)
        parts = open_chain(path)
        try:
            for reader in begin(parts, options.tail, options.since, grows=False):
                async for item in _select(reader, selection):
                    yield item
                if selection.is_done():
                    return
        finally:
            close_all(parts)

    async def _follow(
        self, path: str, options: LogsOptions, ended: Callable[[], bool]
    ) -> AsyncIterator[tuple[int, bytes]]:
        def expired() -> bool:
            return bool(options.until) and self._clock() > options.until

        selection = Selection(options)
        follower = Follower(path, self._watch)
        older = []
        try:
            try:
                follower.start()
            except FileNotFoundError:
                return
            older = open_chain(path)
            readers = begin(older, options.tail, options.since, grows=True)
            follower.adopt(older.pop() if older else None)
            for reader in readers[:-1]:
                async for item in _select(reader, selection):
                    yield item
            if selection.is_done():
                return
            close_all(older)
            async for lines in follower.lines(readers[-1] if readers else None, ended, expired):
                for item in selection.select(lines):
                    yield item
                if selection.is_done():
                    return
        finally:
            close_all(older)
            follower.close()


async def _select(reader: Lines, selection: Selection) -> AsyncIterator[tuple[int, bytes]]:
    while not selection.is_done() and (lines := reader.read()) is not None:
        for item in selection.select(lines):
            yield item
        await asyncio.sleep(0)
