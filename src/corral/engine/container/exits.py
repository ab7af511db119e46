"""What happens when a container ends: the rest of the run is cleaned up, then it restarts, stays, or removes itself."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from corral.engine.container import news, shm, storage
from corral.engine.container.context import Engine
from corral.engine.container.dispose import dispose
from corral.engine.container.launch import launch
from corral.engine.container.record import UNKNOWN_EXIT, ContainerID, ContainerRecord, Status
from corral.errors import CorralError
from corral.runtime.driver import Exit

__all__ = ["conclude", "handle_exit", "restart_now", "should_restart"]

_log = logging.getLogger(__name__)

_SECOND: Final = 1_000_000_000
_UNKNOWN: Final = "exit status unknown: it ended while nobody could observe it"
_KILLED: Final = 137
"""What becomes of execs whose container ends: the kernel kills them together with process 1."""


async def handle_exit(engine: Engine, id: str, exit: Exit) -> None:
    """The runtime's news, each container's in order."""
    known = ContainerID(id)
    if engine.store.get(known) is None:
        await engine.driver.delete(id)
        return
    async with engine.live[known].lock:
        record = engine.store.get(known)
        if record is not None and record.status.has_process:  # else it was dealt with already
            await conclude(engine, record, exit)


async def conclude(engine: Engine, record: ContainerRecord, exit: Exit) -> None:
    """The caller holds the lock. Records, cleans up, tells, and decides what comes next.

    The runtime is the only other one to know the exit code, and forgets it when it cleans up: hence the order.
    """
    code = UNKNOWN_EXIT if exit.code is None else exit.code
    finished = exit.at or engine.clock()
    ran_for = max(0, finished - record.state.started_at)
    again = should_restart(record, code)
    live = engine.live[record.id]
    goes = record.host_config.auto_remove and not live.restarting_by_hand
    changes = {
        "status": Status.RESTARTING if again else Status.EXITED,
        "pid": 0,
        "exit_code": code,
        "error": "" if exit.code is not None else _UNKNOWN,
        "oom_killed": exit.oom_killed or record.state.oom_killed,
        "finished_at": finished,
        "restart_count": record.state.restart_count + again,
        "network": None,
    }
    if not goes:
        await engine.store.write_ahead(record.id, **changes)
    await _clean_up(engine, record)
    record = engine.store.set_state(record.id, write=False, **changes)
    engine.live.end_execs(record.id, Exit(_KILLED, finished))
    news.emit(engine, record, "die", exitCode=str(code), execDuration=str(ran_for // _SECOND))
    live.release(live.next_exit, code)
    if again:
        live.backoff = live.backoff.after(ran_for / _SECOND)
        live.restart = asyncio.create_task(_restart_later(engine, record.id, live.backoff.delay))
    elif goes:
        try:
            await dispose(engine, record.id, volumes=True)
        except CorralError:
            _log.exception("container %s could not remove itself", record.id)


async def _clean_up(engine: Engine, record: ContainerRecord) -> None:
    """Best effort: what is left over is found again by ``rm`` and at the next start of the daemon."""
    results = await asyncio.gather(
        engine.driver.delete(record.id),
        engine.networks.release(record.id),
        storage.unmount(engine, record),
        return_exceptions=True,
    )
    shm.discard(engine, record)
    for result in results:
        if isinstance(result, BaseException):
            _log.error("cleaning up after container %s: %s", record.id, result)


def should_restart(record: ContainerRecord, exit_code: int) -> bool:
    policy = record.host_config.restart_policy
    if record.state.stopped_by_user:
        return False
    match policy.name:
        case "always" | "unless-stopped":
            return True
        case "on-failure":
            tries_left = not policy.maximum_retry_count or record.state.restart_count < policy.maximum_retry_count
            return exit_code != 0 and tries_left
    return False


async def _restart_later(engine: Engine, id: ContainerID, delay: float) -> None:
    """Cancelled, while it waits, by whoever stops the container."""
    await asyncio.sleep(delay)
    await restart_now(engine, id)


async def restart_now(engine: Engine, id: ContainerID) -> None:
    """Unless it was stopped or removed in the meantime."""
    live = engine.live[id]
    async with live.lock:
        record = engine.store.get(id)
        if record is None or record.status is not Status.RESTARTING:
            return
        live.restart = None
        try:
            await launch(engine, record, by_hand=False)
        except CorralError as error:
            _log.warning("container %s does not restart: %s", id, error)
            record = engine.store.set_state(id, status=Status.EXITED)
            live.release(live.next_exit, record.state.exit_code)
