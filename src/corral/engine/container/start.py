"""start: bring a created or exited container up."""

from __future__ import annotations

from corral.engine.container.context import Engine
from corral.engine.container.dispose import dispose
from corral.engine.container.launch import launch
from corral.engine.container.live import Backoff
from corral.engine.container.lookup import locked
from corral.engine.container.record import ContainerRecord, Status
from corral.errors import Conflict, NotModified

__all__ = ["start"]


async def start(engine: Engine, ref: str) -> None:
    """Raises NotModified if it runs, Conflict, and what `launch.launch` raises."""
    async with locked(engine, ref) as record:
        _check(record)
        engine.live[record.id].backoff = Backoff()
        try:
            await launch(engine, record, by_hand=True)
        except Exception:  # also a fault of ours: its client waits for the removal
            if record.host_config.auto_remove:
                await dispose(engine, record.id, volumes=True)
            raise


def _check(record: ContainerRecord) -> None:
    match record.status:
        case Status.PAUSED:
            raise Conflict("cannot start a paused container, try unpause instead")
        case Status.RUNNING | Status.RESTARTING:
            raise NotModified(f"container {record.id} is already running")
        case Status.REMOVING | Status.DEAD:
            raise Conflict("container is marked for removal and cannot be started")
