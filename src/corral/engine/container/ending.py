"""Making a container end: signals, and waiting for the exit to be dealt with. Used by stop, kill, restart and rm."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import Final

from corral.engine.container import news
from corral.engine.container.context import Engine
from corral.engine.container.record import ContainerID, ContainerRecord, Status
from corral.errors import Conflict, Internal, NotFound

__all__ = ["give_up_restarting", "kill_and_wait", "send", "wait_for_end"]

_GRACE: Final = 30.0
"""Seconds that the kernel may take to end a process after SIGKILL."""


async def send(engine: Engine, record: ContainerRecord, number: int) -> None:
    """Signals its first process; a paused one is resumed by a deadly signal. Raises Conflict when it has ended."""
    await engine.driver.kill(record.id, number)
    news.emit(engine, record, "kill", signal=str(number))


async def wait_for_end(engine: Engine, id: ContainerID, timeout: float | None) -> bool:
    """Until it has ended and nothing of the run is left; False when ``timeout`` (seconds, None: for ever) was first."""
    record = engine.store.get(id)
    if record is None or not record.status.is_up:
        return True
    live = engine.live[id]
    future = live.waiter(live.next_exit)
    done, _ = await asyncio.wait({future}, timeout=timeout)
    if not done:
        future.cancel()
    return bool(done)


async def give_up_restarting(engine: Engine, id: ContainerID) -> bool:
    """Ends a container that is waiting for its restart; False when it was not (any more)."""
    live = engine.live[id]
    async with live.lock:
        record = engine.store.get(id)
        if record is None or record.status is not Status.RESTARTING:
            return False
        if live.restart is not None:
            live.restart.cancel()
            live.restart = None
        engine.store.set_state(id, status=Status.EXITED, stopped_by_user=True)
        live.release(live.next_exit, record.state.exit_code)
        return True


async def kill_and_wait(engine: Engine, id: ContainerID) -> None:
    """SIGKILL, and no restart. Returns when it has ended. Raises Internal when it does not end."""
    while (record := engine.store.get(id)) is not None and record.status.is_up:
        if record.status is Status.RESTARTING:
            await give_up_restarting(engine, id)
            continue
        engine.store.set_state(id, stopped_by_user=True)
        with contextlib.suppress(Conflict, NotFound):  # it is ending by itself
            await send(engine, record, signal.SIGKILL)
        if not await wait_for_end(engine, id, _GRACE):
            raise Internal(f"tried to kill container {id}, but did not receive an exit event")
