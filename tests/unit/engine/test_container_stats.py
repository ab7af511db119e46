"""stats: whose numbers, when, and of which interfaces."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from corral.api.types.stats import StatsResponse
from corral.engine.container.service import ContainerService
from corral.engine.container.settings import Settings
from corral.engine.stats.feed import Feeds
from corral.engine.stats.reader import Reader, Sample, Source
from corral.errors import NotFound
from corral.runtime.cgroups.stats import CgroupStats, CpuStats, MemoryStats, PidsStats
from unit.engine.fakes import World


class FakeReader(Reader):
    def __init__(self) -> None:
        super().__init__()
        self.sources: list[Source] = []
        self.gone = False

    def read(self, source: Source) -> Sample | None:
        self.sources.append(source)
        at = len(self.sources)
        return (
            None if self.gone else Sample(at, CgroupStats(2, True, MemoryStats(), CpuStats(at), PidsStats()), at, 2, {})
        )


@pytest.fixture
def reader(world: World) -> FakeReader:
    reader = FakeReader()
    world.engine = replace(world.engine, stats_reader=reader, feeds=Feeds(interval=0.01), settings=Settings())
    world.service = ContainerService(world.engine)
    return reader


async def test_one_answer_has_two_samples(world: World, reader: FakeReader) -> None:
    id = await world.run("web")
    found = await world.service.stats("web", one_shot=False)
    assert (found.name, found.id) == ("/web", id)
    assert (found.precpu_stats.cpu_usage.total_usage, found.cpu_stats.cpu_usage.total_usage) == (1, 2)
    assert reader.sources[0].cgroup == f"/corral/{id}"
    assert reader.sources[0].pid == world.engine.store.find("web").state.pid


async def test_one_shot_has_one(world: World, reader: FakeReader) -> None:
    await world.run("web")
    found = await world.service.stats("web", one_shot=True)
    assert (found.precpu_stats.cpu_usage.total_usage, found.cpu_stats.cpu_usage.total_usage) == (0, 1)
    assert len(reader.sources) == 1


@pytest.mark.parametrize("one_shot", [True, False])
async def test_what_does_not_run_is_answered_at_once(world: World, reader: FakeReader, one_shot: bool) -> None:
    await world.create("web")
    found = await world.service.stats("web", one_shot=one_shot)
    assert found.read == "0001-01-01T00:00:00Z"
    assert reader.sources == []


async def test_unknown_containers_are_refused_before_anything_is_sent(world: World, reader: FakeReader) -> None:
    for one_shot in (True, False):
        with pytest.raises(NotFound):
            await world.service.stats("nosuch", one_shot=one_shot)
    with pytest.raises(NotFound):
        world.service.stats_stream("nosuch")


async def test_a_stream_outlives_the_run_and_follows_the_name(world: World, reader: FakeReader) -> None:
    id = await world.run("web")
    async with aclosing(world.service.stats_stream("web")) as stream:  # type: ignore[type-var]
        assert (await anext(stream)).preread == "0001-01-01T00:00:00Z"
        running = await anext(stream)
        assert running.preread != "0001-01-01T00:00:00Z"
        world.driver.end(id, 0)
        await world.service.rename(id, "other")
        resting = await until_read(stream, "0001-01-01T00:00:00Z")
        assert resting.name == "/other"
        await world.service.start(id)
        while (await anext(stream)).read == "0001-01-01T00:00:00Z":
            pass
        await world.service.remove(id, force=True, volumes=False, link=False)
        rest = [response async for response in stream]
    assert len(rest) < 50
    assert len(world.engine.feeds) == 0


async def until_read(stream: object, read: str) -> StatsResponse:
    async with asyncio.timeout(5):
        async for response in stream:  # type: ignore[attr-defined]
            if response.read == read:
                assert isinstance(response, StatsResponse)
                return response
    raise AssertionError


async def test_a_group_that_vanished_just_now_is_no_failure(world: World, reader: FakeReader) -> None:
    await world.run("web")
    reader.gone = True
    assert (await world.service.stats("web", one_shot=True)).read == "0001-01-01T00:00:00Z"
    assert (await world.service.stats("web", one_shot=False)).read == "0001-01-01T00:00:00Z"


async def test_interfaces_are_those_of_the_sandbox_or_of_its_owner(world: World, reader: FakeReader) -> None:
    donor = await world.run("donor")
    sandbox = world.networks.sandboxes[donor]
    world.networks.sandboxes[donor] = replace(
        sandbox, endpoints=tuple(replace(endpoint, interface="eth0") for endpoint in sandbox.endpoints)
    )
    await world.run("guest", network_mode=f"container:{donor}")
    await world.run("bare", network_mode="host")
    for name in ("donor", "guest", "bare"):
        await world.service.stats(name, one_shot=True)
    assert [source.interfaces for source in reader.sources] == [("eth0",), ("eth0",), ()]
