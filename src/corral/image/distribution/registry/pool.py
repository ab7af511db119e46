"""The connections of all registries, opened with the first request: aiohttp takes a while to import."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Final

from corral.image.distribution.registry.config import Patience

if TYPE_CHECKING:
    from corral.image.distribution.registry.wire import Wire

_WIRE: Final = "corral.image.distribution.registry.wire"


class Pool:
    def __init__(self, user_agent: str, patience: Patience) -> None:
        self._user_agent = user_agent
        self._patience = patience
        self._wire: Wire | None = None
        self._opening = asyncio.Lock()

    async def wire(self) -> Wire:
        if self._wire is not None:
            return self._wire
        async with self._opening:
            if self._wire is None:
                await asyncio.to_thread(importlib.import_module, _WIRE)
                from corral.image.distribution.registry.wire import Wire

                self._wire = Wire(self._user_agent, self._patience)
            return self._wire

    async def close(self) -> None:
        """Idempotent; a request that is under way breaks off."""
        if self._wire is not None:
            await self._wire.close()
            self._wire = None
