"""stop: the container's stop signal, then, after a while, SIGKILL."""

from __future__ import annotations

import signal
from typing import Final

from corral.engine.container import ending, news, signals
from corral.engine.container.context import Engine
from corral.engine.container.record import ContainerID, ContainerRecord, Status
from corral.errors import Conflict, NotFound, NotModified

__all__ = ["stop", "stop_running"]

_DEFAULT_TIMEOUT: Final = 10


async def stop(engine: Engine, ref: str, timeout: int | None, signal_name: str | None) -> None:
    """``timeout`` in seconds, -1 for ever, None for what the container says, or ten. Raises NotModified, Invalid."""
    number = signals.parse(signal_name) if signal_name else None
    record = engine.store.find(ref)
    if not record.status.is_up:
        raise NotModified(f"container {record.id} is already stopped")
    await stop_running(engine, record.id, timeout, number)


async def stop_running(engine: Engine, id: ContainerID, timeout: int | None, number: int | None) -> None:
    """Returns when it has ended, and will not restart by its policy."""
    record = engine.store.get(id)
    if record is None or not record.status.is_up:
        return
    if record.status is Status.RESTARTING:
        await ending.give_up_restarting(engine, id)
    elif record.status.has_process:
        engine.store.set_state(id, stopped_by_user=True)
        try:
            await _signal(engine, record, number or stop_signal(record))
            wait = _timeout(record, timeout)
            if not await ending.wait_for_end(engine, id, None if wait < 0 else wait):
                await ending.kill_and_wait(engine, id)
        except (Conflict, NotFound):  # it is ending by itself
            await ending.wait_for_end(engine, id, None)
    if (now := engine.store.get(id)) is not None and now.status.is_up:  # a restart was faster
        await ending.kill_and_wait(engine, id)
    news.emit(engine, record, "stop")


async def _signal(engine: Engine, record: ContainerRecord, number: int) -> None:
    await ending.send(engine, record, number)
    if record.status is Status.PAUSED and number != signal.SIGKILL:
        await engine.driver.resume(record.id)
        engine.store.set_state(record.id, status=Status.RUNNING)


def stop_signal(record: ContainerRecord) -> int:
    return signals.parse(record.config.stop_signal) if record.config.stop_signal else signal.SIGTERM


def _timeout(record: ContainerRecord, given: int | None) -> int:
    if given is not None:
        return given
    configured = record.config.stop_timeout
    return configured if isinstance(configured, int) else _DEFAULT_TIMEOUT
