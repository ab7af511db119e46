"""Bringing a container up, for ``start`` and for restarts by policy: one step after the other, undone in reverse.

The caller holds the container's lock. A failed start leaves everything as it was, with the reason in the record.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Final

from corral.api.types.wire import replace
from corral.engine.container import etc, network, news, selinux, shm, storage
from corral.engine.container.apparmor import ensure_profile
from corral.engine.container.assemble import make_spec, runtime_of, stdio_of
from corral.engine.container.context import Engine
from corral.engine.container.joins import Joins, find_joins
from corral.engine.container.live import Live
from corral.engine.container.record import ContainerRecord, Status
from corral.engine.undo import Undo
from corral.engine.userns import storage as userns
from corral.errors import CorralError, Internal, Invalid
from corral.network.sandbox import Sandbox
from corral.runtime.driver import ContainerState, CreateRequest, StartError

__all__ = ["launch"]

_FAILED: Final = "failed to create task for container: "

_CANNOT_START: Final = 128
"""The exit code of a container that did not come as far as its program."""


async def launch(engine: Engine, record: ContainerRecord, *, by_hand: bool) -> ContainerRecord:
    """Runs it; ``by_hand``: not by its restart policy. Returns the new record.

    Raises Invalid when the program cannot be executed (exit code 126 or 127 in the record), or whatever kind of error
    made a step fail (exit code 128).
    """
    live = engine.live[record.id]
    try:
        state, sandbox = await _bring_up(engine, record, live)
    except CorralError as error:
        raise _record_failure(engine, record, error) from error
    except OSError as error:
        raise _record_failure(engine, record, Internal(str(error))) from error
    except Exception as error:  # a fault of ours: it is not to leave a client waiting
        _record_failure(engine, record, Internal(f"{type(error).__name__}: {error}"))
        raise
    except BaseException:
        live.close_attachments()
        raise
    record = engine.store.set_state(
        record.id,
        status=Status.RUNNING,
        pid=state.pid,
        started_at=state.started_at or engine.clock(),
        exit_code=0,
        error="",
        oom_killed=False,
        oom_limit="",
        network=network.running_settings(record, sandbox),
        restart_count=0 if by_hand else record.state.restart_count,
        stopped_by_user=record.state.stopped_by_user and not by_hand,
    )
    news.emit(engine, record, "start")
    return record


async def _bring_up(engine: Engine, record: ContainerRecord, live: Live) -> tuple[ContainerState, Sandbox | None]:
    async with Undo() as undo:
        rootfs = engine.images.rootfs(record.id)
        undo.push(engine.images.rest, record.id)
        if record.id_maps is not None:
            mark, scratch = engine.data.container_ids(record.id), engine.data.tmp / record.id
            rootfs = await userns.fit(rootfs, record.id_maps, mark, scratch)
        joins = find_joins(engine, record)
        mounts = await storage.mount(engine, record)
        undo.push(storage.unmount, engine, record)
        if record.mount_label:
            rootfs = selinux.labelled(rootfs, record.mount_label)
            await asyncio.to_thread(selinux.relabel_mounts, record.mounts, record.mount_label)
        sandbox = await _sandbox(engine, record, joins, undo)
        files = etc.write_files(engine, record, sandbox, joins)
        record = _with_donor_hostname(record, joins)
        memory = shm.prepare(engine, record, joins)
        undo.push(shm.discard, engine, record)
        spec = make_spec(engine, record, sandbox=sandbox, joins=joins, mounts=mounts, etc=files, shm=memory)
        await ensure_profile(engine, spec.process.apparmor_profile)
        request = CreateRequest(
            runtime=runtime_of(engine, record),
            id=record.id,
            bundle=engine.exec.bundle(record.id),
            spec=spec,
            rootfs=rootfs,
            stdio=stdio_of(engine, record),
            attachments=live.take_attachments(),  # from here on the driver closes them
        )
        undo.push(engine.driver.delete, record.id)
        state = await engine.driver.run(request)
        engine.images.rest(record.id)
        undo.keep()
    return state, sandbox


async def _sandbox(engine: Engine, record: ContainerRecord, joins: Joins, undo: Undo) -> Sandbox | None:
    request = network.sandbox_request(record)
    if request is None:
        return None
    if "user" in joins.namespaces:
        request = dataclasses.replace(request, userns=joins.namespaces["user"])
    undo.push(engine.networks.release, record.id)
    return await engine.networks.allocate(request)


def _with_donor_hostname(record: ContainerRecord, joins: Joins) -> ContainerRecord:
    """Those who share a network share the name that they have in it."""
    if joins.network is None:
        return record
    return record.replace(config=replace(record.config, hostname=joins.network.config.hostname))


def _record_failure(engine: Engine, record: ContainerRecord, error: CorralError) -> CorralError:
    """Puts it into the record; returns what the user is told."""
    engine.live[record.id].close_attachments()
    exit_code = _CANNOT_START
    if isinstance(error, StartError):
        if error.exit_code in (126, 127):
            exit_code = error.exit_code
            error = Invalid(_FAILED + error.message, code=error.code)
        else:
            error = Internal(("" if error.early else _FAILED) + error.message, code=error.code)
    engine.store.set_state(record.id, error=error.message, exit_code=exit_code)
    return error
