"""resize: the size of a container's terminal."""

from __future__ import annotations

from corral.engine.container import news
from corral.engine.container.context import Engine
from corral.engine.container.lookup import not_running

__all__ = ["resize"]


async def resize(engine: Engine, ref: str, height: int, width: int) -> None:
    """In characters. Raises Conflict when it does not run or has no terminal."""
    record = engine.store.find(ref)
    if not record.status.has_process:
        raise not_running(record)
    await engine.driver.resize(record.id, None, height, width)
    news.emit(engine, record, "resize", height=str(height), width=str(width))
