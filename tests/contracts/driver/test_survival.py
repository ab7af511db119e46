"""Containers and their exit codes outlive the supervisor and the keeper, whoever made them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import pytest

from corral.runtime.driver import Status
from support import boxes
from support.native import Client, Host, alive, eventually

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")

COUNT = "i=0; while [ ! -e /stop ]; do seq $((i + 1)) $((i + 50)); i=$((i + 50)); sleep 0.005; done; exit 44"


async def kill_supervisor(host: Host) -> None:
    old = host.driver.supervisor_pid
    os.kill(old, signal.SIGKILL)
    await eventually(lambda: host.driver.supervisor_pid != old)


async def kill_keeper(host: Host) -> None:
    old = host.driver.keeper_pid
    os.kill(old, signal.SIGKILL)
    await eventually(lambda: host.driver.keeper_pid != old)


Drill = Callable[[Host], Awaitable[None]]
DRILLS: list[Drill] = [kill_supervisor, kill_keeper]


@pytest.mark.parametrize("drill", DRILLS)
async def test_running_container_loses_no_line_and_no_exit_code(host: Host, drill: Drill) -> None:
    id = await host.run(COUNT, log=True)
    await eventually(lambda: host.log(id).stat().st_size > 1000)
    await drill(host)
    size = host.log(id).stat().st_size
    await eventually(lambda: host.log(id).stat().st_size > size)
    assert (await host.state(id)).status is Status.RUNNING
    (host.rootfs / "stop").touch()
    assert (await host.events.exit(id)).code == 44
    lines = host.logged(id, "stdout").splitlines()
    assert lines == [str(line) for line in range(1, len(lines) + 1)]


@pytest.mark.parametrize("drill", DRILLS)
async def test_created_container_can_still_be_started(host: Host, drill: Drill) -> None:
    request = host.request("echo started; exit 7", log=True)
    await host.driver.create(request)
    await drill(host)
    assert (await host.state(request.id)).status is Status.CREATED
    assert (await host.driver.start(request.id)).status is Status.RUNNING
    assert (await host.events.exit(request.id)).code == 7
    assert host.logged(request.id) == "started\n"


@pytest.mark.parametrize("drill", DRILLS)
async def test_exec_goes_on_and_its_code_is_known(host: Host, drill: Drill) -> None:
    id = await host.run("sleep 1000")
    exec_id = await host.exec(id, "while [ ! -e /stop ]; do sleep 0.01; done; exit 9")
    await drill(host)
    (host.rootfs / "stop").touch()
    assert (await host.events.exit(exec_id)).code == 9
    client = Client()
    await host.exec(id, "echo another", client)
    assert (await client.streams())[1] == b"another\n"


@pytest.mark.parametrize("milliseconds", [0, 3, 10, 25, 40])
async def test_supervisor_dies_while_a_container_is_made(host: Host, milliseconds: int) -> None:
    request = host.request("echo $$ > /ran; sleep 1000", log=True)
    making = asyncio.ensure_future(host.driver.run(request))
    await asyncio.sleep(milliseconds / 1000)
    await kill_supervisor(host)
    state = await making
    assert state.status is Status.RUNNING
    assert alive(state.pid)
    await eventually(lambda: (host.rootfs / "ran").exists())
    await host.driver.delete(request.id)
    assert (await host.events.exit(request.id)).code == 137
    assert os.listdir(host.root.containers) == []


@pytest.mark.parametrize("milliseconds", [0, 3, 10, 25, 40])
async def test_supervisor_dies_while_an_exec_is_made(host: Host, milliseconds: int) -> None:
    id = await host.run("sleep 1000")
    running = asyncio.ensure_future(host.exec(id, "echo x >> /ran; exec sleep 1000"))
    await asyncio.sleep(milliseconds / 1000)
    await kill_supervisor(host)
    exec_id = await running
    await eventually(lambda: (host.rootfs / "ran").exists())
    state = await host.state(id)
    assert [item.exec_id for item in state.execs] == [exec_id]
    async with asyncio.timeout(10):  # nothing is left of one that was begun before
        while len(await host.driver.pids(id)) != 2:  # noqa: ASYNC110 - nobody can tell
            await asyncio.sleep(0.01)


async def test_delete_after_the_supervisor_died_while_a_container_was_made(host: Host) -> None:
    request = host.request("sleep 1000")
    making = asyncio.ensure_future(host.driver.run(request))
    await asyncio.sleep(0.01)
    os.kill(host.driver.supervisor_pid, signal.SIGKILL)
    making.cancel()
    await host.driver.delete(request.id)
    assert await host.driver.list() == []
    assert os.listdir(host.root.containers) == []
