"""restart: stop, then start."""

from __future__ import annotations

from corral.engine.container import news, signals
from corral.engine.container.context import Engine
from corral.engine.container.launch import launch
from corral.engine.container.live import Backoff
from corral.engine.container.lookup import still_there
from corral.engine.container.record import Status
from corral.engine.container.stop import stop_running
from corral.errors import Conflict

__all__ = ["restart"]


async def restart(engine: Engine, ref: str, timeout: int | None, signal_name: str | None) -> None:
    """Starts it, too, when it did not run. A container that removes itself is kept. Raises as stop and start do."""
    number = signals.parse(signal_name) if signal_name else None
    id = engine.store.find(ref).id
    live = engine.live[id]
    live.restarting_by_hand += 1
    try:
        await stop_running(engine, id, timeout, number)
        async with live.lock:
            record = still_there(engine, id, ref)
            if record.status in (Status.REMOVING, Status.DEAD):
                raise Conflict("container is marked for removal and cannot be started")
            if record.status.is_up:  # somebody else started it meanwhile
                return
            live.backoff = Backoff()
            record = await launch(engine, record, by_hand=True)
    finally:
        live.restarting_by_hand -= 1
    news.emit(engine, record, "restart")
