"""From which of a domain's servers something is got: the first that has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from corral.image.distribution.registry.channel import Channel
from corral.image.distribution.registry.faults import Fault, Unreachable

T = TypeVar("T")


class Route:
    """The channels to a domain's endpoints, in their order.

    A mirror that does not answer, or does not have what is wanted, is passed over. Plain HTTP is only spoken with a
    server that did not answer over HTTPS. What did not answer once is not asked again by this route while another one
    answers.
    """

    def __init__(self, channels: Callable[[], tuple[Channel, ...]]) -> None:
        self._find = channels
        self._channels: tuple[Channel, ...] = ()
        self._silent: set[str] = set()

    async def of(self, work: Callable[[Channel], Awaitable[T]]) -> T:
        """What ``work`` gets from the first server that gives it. Raises the Fault of the last one."""
        last: Fault | None = None
        async with aclosing(self.open()) as channels:
            async for channel in channels:
                try:
                    return await work(channel)
                except Fault as fault:
                    if channel.endpoint.mirror is None:
                        raise
                    last = fault
        raise last or Unreachable("no endpoints found", connected=False)

    async def open(self) -> AsyncGenerator[Channel, None]:
        """Servers that answer. Raises the Fault of the last one when none of them does."""
        if not self._channels:
            self._channels = await asyncio.to_thread(self._find)
        asked = [channel for channel in self._channels if channel.endpoint.base not in self._silent]
        last: Fault | None = None
        answered: set[str] = set()
        for channel in asked or self._channels:
            endpoint = channel.endpoint
            if endpoint.host in answered and endpoint.mirror is None:
                continue
            try:
                await channel.server.ping()
            except Fault as fault:
                self._silent.add(endpoint.base)
                last = fault
                continue
            self._silent.discard(endpoint.base)
            answered.add(endpoint.host)
            yield channel
        if not answered and last is not None:
            raise last
