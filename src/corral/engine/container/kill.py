"""kill: any signal to the first process."""

from __future__ import annotations

import signal

from corral.engine.container import ending, signals
from corral.engine.container.context import Engine
from corral.engine.container.lookup import not_running
from corral.engine.container.record import ContainerRecord, Status
from corral.engine.container.stop import stop_signal
from corral.errors import Conflict, CorralError, Invalid, NotFound

__all__ = ["kill"]


async def kill(engine: Engine, ref: str, signal_name: str) -> None:
    """SIGKILL returns when the container has ended. Raises NotFound, Conflict when it does not run, Invalid."""
    try:
        number = signals.parse(signal_name) if signal_name else signal.SIGKILL
        record = engine.store.find(ref)
        await _kill(engine, record, number)
    except (NotFound, Conflict, Invalid) as error:
        raise _named(error, ref) from error


async def _kill(engine: Engine, record: ContainerRecord, number: int) -> None:
    if not record.status.is_up:
        raise not_running(record)
    if number == signal.SIGKILL:
        await ending.kill_and_wait(engine, record.id)
        return
    deadly = number == stop_signal(record)
    if record.status is Status.RESTARTING:
        if deadly:
            await ending.give_up_restarting(engine, record.id)
        return
    if deadly:  # as far as the restart policy is concerned this is a stop
        engine.store.set_state(record.id, stopped_by_user=True)
    await ending.send(engine, record, number)


def _named(error: CorralError, ref: str) -> CorralError:
    return type(error)(f"cannot kill container: {ref}: {error.message}", code=error.code)
