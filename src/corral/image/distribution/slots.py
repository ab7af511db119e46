"""A number of places, taken in the order of asking; the number may change while they are taken."""

from __future__ import annotations

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator, Callable


class Slots:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._waiting: collections.deque[asyncio.Future[None]] = collections.deque()

    @property
    def limit(self) -> int:
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit
        self._admit()

    @property
    def busy(self) -> bool:
        """Whether who asks now has to wait."""
        return self._taken >= self._limit

    @contextlib.asynccontextmanager
    async def one(self, waiting: Callable[[], None] | None = None) -> AsyncIterator[None]:
        """``waiting`` is called when there is none at once."""
        if self.busy:
            if waiting is not None:
                waiting()
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give_back()
                raise
        else:
            self._taken += 1
        try:
            yield
        finally:
            self._give_back()

    def _give_back(self) -> None:
        self._taken -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and not self.busy:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)
