"""pause and unpause: the freezer."""

from __future__ import annotations

from corral.engine.container import news
from corral.engine.container.context import Engine
from corral.engine.container.lookup import locked, not_running
from corral.engine.container.record import Status
from corral.errors import Conflict, Internal

__all__ = ["pause", "unpause"]


async def pause(engine: Engine, ref: str) -> None:
    """Raises Conflict unless it is running."""
    async with locked(engine, ref) as record:
        if record.status is Status.PAUSED:
            raise Conflict(f"Container {record.id} is already paused")
        if record.status is Status.RESTARTING:
            raise Conflict(f"Container {record.id} is restarting, wait until the container is running")
        if record.status is not Status.RUNNING:
            raise not_running(record)
        await engine.driver.pause(record.id)
        record = engine.store.set_state(record.id, status=Status.PAUSED)
    news.emit(engine, record, "pause")


async def unpause(engine: Engine, ref: str) -> None:
    """Raises Internal, as Docker's clients know it, unless it is paused."""
    async with locked(engine, ref) as record:
        if record.status is not Status.PAUSED:
            raise Internal(f"Container {record.id} is not paused")
        await engine.driver.resume(record.id)
        record = engine.store.set_state(record.id, status=Status.RUNNING)
    news.emit(engine, record, "unpause")
