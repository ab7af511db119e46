"""Finding a container for a verb, and the words for its being in the wrong state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from corral.engine.container.context import Engine
from corral.engine.container.record import ContainerID, ContainerRecord, Status
from corral.errors import Conflict, NotFound

__all__ = ["locked", "not_running", "require_running", "still_there"]


@asynccontextmanager
async def locked(engine: Engine, ref: str) -> AsyncIterator[ContainerRecord]:
    """The container by reference, as it is once its lock is held. Raises NotFound, Invalid."""
    id = engine.store.find(ref).id
    async with engine.live[id].lock:
        if engine.store.get(id) is None:
            engine.live.forget(id)
        yield still_there(engine, id, ref)


def still_there(engine: Engine, id: ContainerID, ref: str | None = None) -> ContainerRecord:
    """The current record. Raises NotFound when it went away while the caller waited."""
    record = engine.store.get(id)
    if record is None:
        raise NotFound(f"No such container: {ref or id}", code="no_such_container")
    return record


def not_running(record: ContainerRecord) -> Conflict:
    return Conflict(f"container {record.id} is not running", code="not_running")


def require_running(record: ContainerRecord) -> None:
    """Raises Conflict unless it has a process, paused or not."""
    if record.status is Status.RESTARTING:
        raise Conflict(f"Container {record.id} is restarting, wait until the container is running")
    if not record.status.has_process:
        raise not_running(record)
