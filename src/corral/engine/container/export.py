"""export: the whole root file system of a container as a tar."""

from __future__ import annotations

from collections.abc import AsyncIterator

from corral.engine.container import news
from corral.engine.container.context import Engine
from corral.engine.files import jobs
from corral.engine.files.prepare import root_of

__all__ = ["export"]


async def export(engine: Engine, ref: str) -> AsyncIterator[bytes]:
    """Without what is mounted in it. Raises NotFound, Conflict, Internal."""
    async with root_of(engine, ref) as (record, view), jobs.export(view) as pieces:
        async for piece in pieces:
            yield piece
    news.emit(engine, record, "export")
