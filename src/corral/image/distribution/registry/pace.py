"""Gives up on a server that sends a byte now and then to keep a connection, and whoever waits for it, for ever."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator

from corral.image.distribution.registry.config import Patience
from corral.image.distribution.registry.faults import Unreachable


class Pace:
    """Only the time that is spent waiting for the server counts, not what the reader does in between."""

    def __init__(self, patience: Patience, where: str) -> None:
        self._patience = patience
        self._where = where
        self._waited = 0.0
        self._came = 0

    async def watch(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Raises Unreachable."""
        clock = time.monotonic
        while True:
            began = clock()
            piece = await anext(pieces, None)
            if piece is None:
                return
            self._count(clock() - began, len(piece))
            yield piece

    def _count(self, seconds: float, size: int) -> None:
        self._waited += seconds
        self._came += size
        if self._waited < self._patience.window:
            return
        if self._came < self._patience.slowest * self._waited:
            raise Unreachable(
                f"{self._where}: {self._came} bytes in {self._waited:.0f} seconds, less than "
                f"{self._patience.slowest} bytes/s",
                connected=True,
            )
        self._waited, self._came = 0.0, 0
