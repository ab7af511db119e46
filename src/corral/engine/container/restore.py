"""The start of a daemon: records and what really runs are made to agree.

What runs goes on running. What ended meanwhile is concluded as if it had just ended, with its exit code if anybody
knows it. Interrupted creations are undone, interrupted removals finished. Then the restart policies have their say.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil

from corral.engine.container import shm
from corral.engine.container.context import Engine
from corral.engine.container.dispose import dispose
from corral.engine.container.exits import conclude, restart_now, should_restart
from corral.engine.container.live import ExecRecord
from corral.engine.container.network import running_settings
from corral.engine.container.record import ContainerRecord, Status
from corral.errors import CorralError
from corral.oci.runtime import Process
from corral.runtime import driver
from corral.runtime.driver import ContainerState, Exit

__all__ = ["apply_restart_policies", "restore"]

_log = logging.getLogger(__name__)


async def restore(engine: Engine) -> None:
    """Before anything is served. Takes time for containers that ran, not for those that did not."""
    states = {state.id: state for state in await engine.driver.list()}
    running = {id for id, state in states.items() if state.status in _ALIVE and engine.store.get(id)}
    await engine.networks.restore(running)
    shm.restore(engine, running)
    await engine.volumes.restore({record.id for record in engine.store}, running)
    for id in states.keys() - {record.id for record in engine.store}:
        await _attempt(engine.driver.delete(id), id)
    await asyncio.gather(
        *(_attempt(_reconcile(engine, record, states.get(record.id)), record.id) for record in engine.store)
    )
    await _undo_interrupted_creations(engine)


_ALIVE = frozenset({driver.Status.RUNNING, driver.Status.PAUSED})


async def _attempt(work: asyncio.Future[None] | object, id: str) -> None:
    """One container's trouble must not keep the daemon from starting."""
    try:
        await work  # type: ignore[misc]
    except (CorralError, OSError):
        _log.exception("container %s could not be restored", id)


async def _reconcile(engine: Engine, record: ContainerRecord, state: ContainerState | None) -> None:
    match record.status:
        case Status.RUNNING | Status.PAUSED:
            await _reconcile_running(engine, record, state)
        case Status.REMOVING | Status.DEAD:
            await _finish_removal(engine, record, state)
        case Status.RESTARTING:
            await _reconcile_stopped(engine, engine.store.set_state(record.id, status=Status.EXITED), state)
        case Status.CREATED | Status.EXITED:
            await _reconcile_stopped(engine, record, state)


async def _reconcile_running(engine: Engine, record: ContainerRecord, state: ContainerState | None) -> None:
    if state is not None and state.status in _ALIVE:
        status = Status.PAUSED if state.status is driver.Status.PAUSED else Status.RUNNING
        if (status, state.pid) != (record.status, record.state.pid):
            engine.store.set_state(record.id, status=status, pid=state.pid)
        _adopt_execs(engine, record, state)
        return
    ended = state.exit if state is not None and state.exit is not None else Exit(None, engine.clock())
    await conclude(engine, record, ended)


def _adopt_execs(engine: Engine, record: ContainerRecord, state: ContainerState) -> None:
    """Clients of the earlier daemon still want to know how their execs end."""
    for exec in state.execs:
        engine.live.put_exec(
            ExecRecord(
                exec.exec_id, record.id, Process(), False, False, True, True, started=True, pid=exec.pid, exit=exec.exit
            )
        )


async def _reconcile_stopped(engine: Engine, record: ContainerRecord, state: ContainerState | None) -> None:
    """The daemon died between the start of a container and its record, or before a container could remove itself."""
    ran = state is not None and (state.status in _ALIVE or state.started_at not in (0, record.state.started_at))
    if state is not None and ran:
        started = engine.store.set_state(
            record.id,
            status=Status.RUNNING,
            pid=state.pid,
            started_at=state.started_at,
            exit_code=0,
            error="",
            network=running_settings(record, engine.networks.sandbox(record.id)),
        )
        await _reconcile_running(engine, started, state)
        return
    if state is not None:
        await engine.driver.delete(record.id)
    if record.host_config.auto_remove and (record.state.started_at or state is not None):
        await dispose(engine, record.id, volumes=True)


async def _finish_removal(engine: Engine, record: ContainerRecord, state: ContainerState | None) -> None:
    if state is not None:
        await engine.driver.delete(record.id)
    if record.status is Status.REMOVING:
        engine.store.set_state(record.id, status=Status.DEAD)
    await dispose(engine, record.id, volumes=False)


async def _undo_interrupted_creations(engine: Engine) -> None:
    """Directories without a record: the daemon died in the middle of a create, or near the end of a removal."""
    for name in {*os.listdir(engine.data.containers), *engine.images.rw_containers()}:
        if engine.store.get(name) is None:
            await _attempt(engine.images.remove_rw_layer(name), name)
            shutil.rmtree(engine.data.container(name), ignore_errors=True)


def apply_restart_policies(engine: Engine) -> None:
    """Brings back what did not run when the daemon ended but should: in the background, all at once."""
    for record in engine.store:
        if record.status is Status.EXITED and record.state.started_at and _should_come_back(record):
            engine.store.set_state(record.id, status=Status.RESTARTING, stopped_by_user=False)
            live = engine.live[record.id]
            live.restart = asyncio.get_running_loop().create_task(restart_now(engine, record.id))


def _should_come_back(record: ContainerRecord) -> bool:
    """always comes back even if it was stopped by hand; the others as after an exit."""
    if record.host_config.restart_policy.name == "always":
        return True
    return should_restart(record, record.state.exit_code)
