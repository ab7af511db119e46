"""Samples of a container once a second, shared by all who listen.

A feed keeps only the newest sample, and who listens takes it when ready: a slow listener misses samples, holds nobody
up and costs no memory. Samples are taken while somebody listens, and only then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

from corral.engine.stats.reader import Sample

__all__ = ["Feeds", "Gone", "Read"]

_INTERVAL: Final = 1.0

Read = Callable[[], Awaitable[Sample | None]]
"""A sample of now, None of a container that does not run. Raises Gone when there will never be one again."""


class Gone(Exception):
    """The container was removed."""


class Feeds:
    """By container id. ``interval`` in seconds. To be used on the event loop's thread."""

    def __init__(self, *, interval: float = _INTERVAL) -> None:
        self._interval = interval
        self._feeds: dict[str, _Feed] = {}

    def __len__(self) -> int:
        """How many containers are being watched."""
        return len(self._feeds)

    async def listen(self, id: str, read: Read) -> AsyncGenerator[Sample | None, None]:
        """The newest sample that there is, then those to come; ends when the container is removed.

        ``read`` is what the first listener brings. Raises what it raises. The iterator must be closed (``aclosing``).
        """
        feed = self._feeds.get(id)
        if feed is None or feed.is_over:
            feed = self._feeds[id] = _Feed(read, self._interval)
        feed.listeners += 1
        try:
            seen = 0
            while True:
                while feed.count == seen and not feed.is_over:
                    await asyncio.shield(feed.next)
                if feed.count != seen:
                    seen = feed.count
                    yield feed.newest
                    continue
                if feed.failure is not None:
                    raise feed.failure
                return
        finally:
            feed.listeners -= 1
            if feed.listeners == 0:
                feed.stop()
                if self._feeds.get(id) is feed:
                    del self._feeds[id]


class _Feed:
    """``count``: samples taken; ``next``: done when there is news; ``failure``: what ``read`` raised."""

    def __init__(self, read: Read, interval: float) -> None:
        self.listeners = 0
        self.count = 0
        self.newest: Sample | None = None
        self.is_over = False
        self.failure: Exception | None = None
        self.next = self._future()
        self._task = asyncio.get_running_loop().create_task(self._run(read, interval))

    def stop(self) -> None:
        self.is_over = True
        self._task.cancel()

    async def _run(self, read: Read, interval: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            try:
                self.newest = await read()
            except Exception as error:
                self.failure = None if isinstance(error, Gone) else error
                self.is_over = True
                self._tell()
                return
            self.count += 1
            self._tell()
            due = max(due + interval, loop.time())
            await asyncio.sleep(due - loop.time())

    def _tell(self) -> None:
        told, self.next = self.next, self._future()
        told.set_result(None)

    @staticmethod
    def _future() -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()
