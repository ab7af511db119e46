"""stats: what a container uses of the machine, once or as a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from corral.api.types.stats import StatsResponse
from corral.engine.container.context import Engine
from corral.engine.container.modes import joined
from corral.engine.container.record import ContainerID, ContainerRecord
from corral.engine.spec.resources import cgroup_path
from corral.engine.stats.feed import Gone, Read
from corral.engine.stats.reader import Sample, Source
from corral.engine.stats.view import respond
from corral.errors import CorralError

__all__ = ["stats", "stats_once", "stats_stream"]


async def stats(engine: Engine, ref: str) -> StatsResponse:
    """Two samples a second apart, so that processor time can be told in percent. Raises NotFound."""
    record = engine.store.find(ref)
    frames = 0
    if record.status.has_process:
        async with aclosing(_frames(engine, record)) as stream:
            async for response in stream:
                frames += 1
                if frames == 2:
                    return response
    return _respond(engine, record, None, None)


async def stats_once(engine: Engine, ref: str) -> StatsResponse:
    """One sample, at once. Raises NotFound."""
    record = engine.store.find(ref)
    try:
        sample = await _reader(engine, record.id)()
    except Gone:
        sample = None
    return _respond(engine, record, sample, None)


def stats_stream(engine: Engine, ref: str) -> AsyncGenerator[StatsResponse, None]:
    """One a second, also while it does not run, until it is removed. Raises NotFound at once."""
    return _frames(engine, engine.store.find(ref))


async def _frames(engine: Engine, record: ContainerRecord) -> AsyncGenerator[StatsResponse, None]:
    before = None
    async with aclosing(engine.feeds.listen(record.id, _reader(engine, record.id))) as samples:
        async for sample in samples:
            yield _respond(engine, engine.store.get(record.id) or record, sample, before)
            before = sample


def _respond(engine: Engine, record: ContainerRecord, sample: Sample | None, before: Sample | None) -> StatsResponse:
    return respond(record.name, record.id, sample, before, engine.host.memory)


def _reader(engine: Engine, id: ContainerID) -> Read:
    """Looks the container up each time: it may be started, stopped and renamed while somebody listens."""

    async def read() -> Sample | None:
        record = engine.store.get(id)
        if record is None:
            raise Gone
        if not record.status.has_process:
            return None
        return await asyncio.to_thread(engine.stats_reader.read, _source(engine, record))

    return read


def _source(engine: Engine, record: ContainerRecord) -> Source:
    owner: str = record.id
    if donor := joined(record.host_config).get("network"):
        try:
            owner = engine.store.find(donor).id
        except CorralError:  # it was removed; this one lives on in its namespace
            owner = ""
    sandbox = engine.networks.sandbox(owner) if owner else None
    names = tuple(endpoint.interface for endpoint in sandbox.endpoints) if sandbox is not None else ()
    return Source(cgroup_path(record, engine.settings), record.state.pid, names)
