"""A daemon starts: what runs stays, what ended is concluded, what was interrupted is finished, policies are applied."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from corral.api.types.host_config import RestartPolicy
from corral.engine.container.record import Status
from corral.engine.container.restore import apply_restart_policies, restore
from corral.runtime.driver import Exit
from unit.engine.fakes import World, build_world


class Machine:
    """One data root, and a runtime that outlives the engines that use it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.world = build_world(root)

    async def next_daemon(self) -> World:
        """The old one is killed; the new one finds the same disk and the same processes."""
        old = self.world
        await old.runtime_events.settle()
        old.database.close()
        self.world = world = build_world(self.root)
        world.driver.states = old.driver.states
        world.images.layers = old.images.layers
        world.networks.live = old.networks.live
        world.now[0] = old.now[0]
        await restore(world.engine)
        return world


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    await machine.world.runtime_events.settle()
    machine.world.database.close()


async def test_what_runs_goes_on_running(machine: Machine) -> None:
    id = await machine.world.run("web")
    before = machine.world.engine.store.find(id)
    world = await machine.next_daemon()
    assert world.engine.store.find("web") == before
    assert world.news == []
    assert "networks.restore 1" in world.journal.calls


async def test_a_paused_container_stays_paused(machine: Machine) -> None:
    await machine.world.run("web")
    await machine.world.service.pause("web")
    world = await machine.next_daemon()
    assert world.engine.store.find("web").status is Status.PAUSED
    await world.service.unpause("web")


async def test_what_ended_meanwhile_gets_its_exit_code(machine: Machine) -> None:
    id = await machine.world.run("web")
    machine.world.driver.end(id, 42, tell=False)
    world = await machine.next_daemon()
    record = world.engine.store.find("web")
    assert (record.status, record.state.exit_code) == (Status.EXITED, 42)
    assert world.actions() == ["die"]
    assert world.driver.states == {}


async def test_what_is_gone_without_a_trace_is_unknown_and_not_invented(machine: Machine) -> None:
    id = await machine.world.run("web")
    del machine.world.driver.states[id]
    world = await machine.next_daemon()
    state = world.engine.store.find("web").state
    assert (state.exit_code, state.error) == (255, "exit status unknown: it ended while nobody could observe it")


async def test_a_container_that_should_have_removed_itself_does(machine: Machine) -> None:
    id = await machine.world.run("once", auto_remove=True)
    machine.world.driver.end(id, 0, tell=False)
    world = await machine.next_daemon()
    assert len(world.engine.store) == 0
    assert world.images.layers == set()


async def test_a_container_that_removes_itself_but_was_never_started_stays(machine: Machine) -> None:
    await machine.world.create("once", auto_remove=True)
    world = await machine.next_daemon()
    assert world.engine.store.find("once").status is Status.CREATED


async def test_a_removal_that_was_interrupted_is_finished(machine: Machine) -> None:
    id = await machine.world.create("web")
    machine.world.engine.store.set_state(machine.world.engine.store.find(id).id, status=Status.REMOVING)
    world = await machine.next_daemon()
    assert len(world.engine.store) == 0
    assert os.listdir(world.engine.data.containers) == []


async def test_a_creation_that_was_interrupted_is_undone(machine: Machine) -> None:
    id = "e" * 64
    machine.world.engine.data.container(id).mkdir()
    machine.world.images.layers.add(id)
    world = await machine.next_daemon()
    assert world.images.layers == set()
    assert os.listdir(world.engine.data.containers) == []


async def test_a_start_that_was_not_recorded_any_more_is_recorded(machine: Machine) -> None:
    id = await machine.world.run("web")
    record = machine.world.engine.store.find(id)
    machine.world.engine.store._records[record.id] = replace(record, state=replace(record.state, status=Status.CREATED))
    machine.world.engine.store.set_state(record.id, status=Status.CREATED)
    world = await machine.next_daemon()
    found = world.engine.store.find("web")
    assert (found.status, found.state.pid) == (Status.RUNNING, record.state.pid)


async def test_an_exit_is_known_although_the_start_was_not_recorded_any_more(machine: Machine) -> None:
    id = await machine.world.run("web")
    record = machine.world.engine.store.find(id)
    fresh = replace(record.state, status=Status.CREATED, started_at=0, pid=0)
    machine.world.engine.store._records[record.id] = replace(record, state=fresh)
    machine.world.engine.store.set_state(record.id, status=Status.CREATED)
    machine.world.driver.end(id, 5, tell=False)
    world = await machine.next_daemon()
    state = world.engine.store.find("web").state
    assert (state.status, state.exit_code, state.started_at) == (Status.EXITED, 5, record.state.started_at)


async def test_processes_that_no_record_knows_are_ended(machine: Machine) -> None:
    id = await machine.world.run("web")
    machine.world.engine.store.remove(machine.world.engine.store.find(id).id, durable=True)
    world = await machine.next_daemon()
    assert world.driver.states == {}


async def test_news_that_came_before_the_records_agreed_is_dealt_with_once(machine: Machine) -> None:
    id = await machine.world.run("web")
    machine.world.driver.end(id, 3, tell=False)
    world = await machine.next_daemon()
    world.runtime_events.container_exited(id, Exit(3, world.now[0]))
    await world.runtime_events.settle()
    assert world.actions() == ["die"]


@pytest.mark.parametrize(
    ("policy", "by_hand", "code", "comes_back"),
    [
        ("no", False, 1, False),
        ("always", False, 0, True),
        ("always", True, 0, True),
        ("unless-stopped", False, 0, True),
        ("unless-stopped", True, 0, False),
        ("on-failure", False, 1, True),
        ("on-failure", False, 0, False),
    ],
)
async def test_policies_after_a_restart_of_the_machine(
    machine: Machine, policy: str, by_hand: bool, code: int, comes_back: bool
) -> None:
    id = await machine.world.run("web", restart_policy=RestartPolicy(policy))
    if by_hand:
        await machine.world.service.stop("web", 5, None)
    else:
        machine.world.driver.end(id, code, tell=False)
    world = await machine.next_daemon()
    live = world.engine.live[world.engine.store.find(id).id]
    apply_restart_policies(world.engine)
    if live.restart is not None:
        await live.restart
    assert (world.engine.store.find("web").status is Status.RUNNING) == comes_back


async def test_one_containers_trouble_does_not_keep_the_others_from_being_restored(machine: Machine) -> None:
    ids = [await machine.world.run(), await machine.world.run(auto_remove=True)]
    for id in ids:
        machine.world.driver.end(id, 0, tell=False)
    old = machine.world
    await old.runtime_events.settle()
    old.database.close()
    machine.world = world = build_world(machine.root)
    world.driver.states, world.images.layers = old.driver.states, old.images.layers
    world.journal.fail("images.remove_rw_layer", OSError(16, "device busy"))
    await restore(world.engine)
    assert {record.status for record in world.engine.store} == {Status.EXITED, Status.DEAD}


async def test_two_hundred_stopped_containers_cost_a_fifth_of_a_second_at_most(machine: Machine) -> None:
    for _ in range(200):
        await machine.world.create()
    machine.world.database.close()
    began = time.process_time()
    machine.world = build_world(machine.root)
    await restore(machine.world.engine)
    assert len(machine.world.engine.store) == 200
    assert time.process_time() - began < 0.2


async def test_an_exit_is_on_disk_before_the_runtime_forgets_it(machine: Machine) -> None:
    id = await machine.world.run("web")
    driver = machine.world.driver

    async def die_while_deleting(_: str) -> None:
        raise asyncio.CancelledError

    driver.delete = die_while_deleting  # type: ignore[method-assign]
    driver.end(id, 42)
    await machine.world.runtime_events.settle()
    driver.states.clear()
    world = await machine.next_daemon()
    state = world.engine.store.find("web").state
    assert (state.status, state.exit_code, state.error) == (Status.EXITED, 42, "")
