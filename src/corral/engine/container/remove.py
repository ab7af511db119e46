"""remove: ``rm``, with ``-f`` for a container that runs."""

from __future__ import annotations

from corral.engine.container import ending
from corral.engine.container.context import Engine
from corral.engine.container.dispose import dispose
from corral.engine.container.record import ContainerRecord, Status
from corral.errors import Conflict, Invalid

__all__ = ["remove"]


async def remove(engine: Engine, ref: str, *, force: bool, volumes: bool, link: bool) -> None:
    """Raises NotFound, Conflict when it runs and there is no ``force``, or when somebody is removing it already."""
    if link:
        raise Invalid("legacy container links are not supported")
    record = engine.store.find(ref)
    _check(record, ref, force)
    if record.status.is_up:
        await ending.kill_and_wait(engine, record.id)
    async with engine.live[record.id].lock:
        current = engine.store.get(record.id)
        if current is None:  # it removed itself as it ended, or another rm was faster
            engine.live.forget(record.id)
            return
        _check(current, ref, force=False)
        await dispose(engine, current.id, volumes=volumes)


def _check(record: ContainerRecord, ref: str, force: bool) -> None:
    match record.status:
        case Status.REMOVING:
            raise Conflict(f"removal of container {ref} is already in progress")
        case Status.PAUSED if not force:
            detail = "container is paused and must be unpaused first"
        case Status.RUNNING | Status.RESTARTING if not force:
            detail = f"container is {record.status.value}: stop the container before removing or force remove"
        case _:
            return
    raise Conflict(f'cannot remove container "{ref}": {detail}')
