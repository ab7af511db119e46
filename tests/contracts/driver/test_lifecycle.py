"""What ``runtime/driver.py`` says about the life of a container, over every driver."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from corral.errors import Conflict, NotFound
from corral.linux.mount import MNT_DETACH, umount2
from corral.oci.runtime import Namespace, Pids, Resources
from corral.runtime.cgroups import Hierarchies
from corral.runtime.driver import Status
from support import boxes
from support.native import Client, Host, alive, eventually, gone

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")

NOBODY = "f" * 64


@pytest.mark.parametrize("code", [0, 42, 255])
async def test_exit_code_is_the_programs_and_is_told_once(host: Host, code: int) -> None:
    id = await host.run(f"exit {code}")
    exit = await host.events.exit(id)
    assert (exit.code, exit.oom_killed) == (code, False)
    state = await host.state(id)
    assert (state.status, state.exit) == (Status.STOPPED, exit)
    assert 0 < state.started_at < exit.at
    await host.driver.delete(id)
    assert host.events.exits[id] == [exit]


async def test_created_container_waits_until_it_is_started(host: Host) -> None:
    request = host.request("echo started", log=True)
    state = await host.driver.create(request)
    assert (state.status, state.started_at) == (Status.CREATED, 0)
    assert alive(state.pid)
    await asyncio.sleep(0.05)
    assert host.logged(request.id) == ""
    started = await host.driver.start(request.id)
    assert (started.pid, started.started_at > 0) == (state.pid, True)
    await host.events.exit(request.id)
    assert host.logged(request.id) == "started\n"
    with pytest.raises(Conflict):
        await host.driver.start(request.id)


async def test_created_container_can_be_deleted(host: Host) -> None:
    request = host.request("echo never", log=True)
    state = await host.driver.create(request)
    await host.driver.delete(request.id)
    assert not alive(state.pid)
    assert await host.driver.list() == []
    assert request.id not in host.events.exits


async def test_container_can_be_deleted_while_it_is_being_made(host: Host) -> None:
    request = host.request("sleep 1000")
    making = asyncio.ensure_future(host.driver.run(request))
    await asyncio.sleep(0.005)
    await host.driver.delete(request.id)
    await asyncio.wait([making])
    making.exception()
    await host.driver.delete(request.id)
    assert await host.driver.list() == []
    assert _left(host, request.id) == []


async def test_id_is_taken_until_delete(host: Host) -> None:
    request = host.request("exit 3")
    await host.driver.run(request)
    await host.events.exit(request.id)
    with pytest.raises(Conflict):
        await host.driver.run(request)
    await host.driver.delete(request.id)
    host.events.exits.clear()
    await host.driver.run(request)
    assert (await host.events.exit(request.id)).code == 3


async def test_delete_kills_is_idempotent_and_leaves_nothing(host: Host) -> None:
    request = host.request("sleep 1000 & sleep 1000", open_stdin=True, log=True)
    state = await host.driver.run(request)
    assert request.id[:12] not in Path("/proc/self/mountinfo").read_text()
    await host.driver.delete(request.id)
    await host.driver.delete(request.id)
    assert not alive(state.pid)
    assert (await host.events.exit(request.id)).code == 137
    assert await host.driver.list() == []
    assert _left(host, request.id) == []


def _left(host: Host, id: str) -> list[str]:
    hierarchies = Hierarchies.of_host()
    mounts = [h.mount_point for h in (*hierarchies.v1, *([hierarchies.v2] if hierarchies.v2 else []))]
    places = [str(host.root.bundle(id)), *(f"{mount}{host.parent}/{id}" for mount in mounts)]
    return [place for place in places if os.path.exists(place)]


async def test_unknown_ids_are_not_found(host: Host) -> None:
    for call in (
        host.driver.start(NOBODY),
        host.driver.kill(NOBODY, signal.SIGTERM),
        host.driver.pause(NOBODY),
        host.driver.resume(NOBODY),
        host.driver.pids(NOBODY),
        host.driver.update(NOBODY, Resources()),
        host.driver.resize(NOBODY, None, 10, 10),
        host.driver.attach(NOBODY, None, Client().attachment),
    ):
        with pytest.raises(NotFound):
            await call
    id = await host.run("sleep 1000")
    with pytest.raises(NotFound):
        await host.driver.kill_exec(id, NOBODY, signal.SIGTERM)


async def test_states_that_forbid_an_operation_are_conflicts(host: Host) -> None:
    request = host.request("sleep 1000")
    await host.driver.create(request)
    with pytest.raises(Conflict):
        await host.exec(request.id, "true")
    with pytest.raises(Conflict):
        await host.driver.pause(request.id)
    await host.driver.start(request.id)
    with pytest.raises(Conflict):
        await host.driver.resume(request.id)
    with pytest.raises(Conflict):
        await host.driver.resize(request.id, None, 10, 10)
    await host.driver.kill(request.id, signal.SIGKILL)
    await host.events.exit(request.id)
    for call in (
        host.driver.kill(request.id, signal.SIGTERM),
        host.driver.pause(request.id),
        host.driver.update(request.id, Resources(pids=Pids(5))),
        host.exec(request.id, "true"),
    ):
        with pytest.raises(Conflict):
            await call


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_signal_is_128_and_its_number(host: Host, number: int) -> None:
    id = await host.run("trap 'exit 143' TERM; echo ready; sleep 1000 & wait", log=True)
    await eventually(lambda: host.logged(id) != "")
    await host.driver.kill(id, number)
    assert (await host.events.exit(id)).code == 128 + number


async def test_signal_to_everybody(host: Host) -> None:
    namespaces = tuple(n for n in boxes.NAMESPACES if n.type != "pid")
    id = await host.run("sleep 1000 & sleep 1000 & wait", linux={"namespaces": namespaces})
    pids: list[int] = []
    while len(pids) < 3:
        pids = await host.driver.pids(id)
    await host.driver.kill(id, signal.SIGKILL, all=True)
    for pid in pids:
        await gone(pid)
    assert (await host.events.exit(id)).code == 137


async def test_pids_are_the_hosts_execs_included(host: Host) -> None:
    id = await host.run("sleep 1000 & wait")
    await host.exec(id, "sleep 1000")
    pids: list[int] = []
    while len(pids) < 3:
        pids = await host.driver.pids(id)
    assert pids == sorted(pids)
    assert (await host.state(id)).pid in pids
    assert all(alive(pid) for pid in pids)


async def test_pause_stops_everything_and_resume_goes_on(host: Host) -> None:
    id = await host.run("i=0; while :; do echo $((i += 1)); sleep 0.01; done", log=True)
    await eventually(lambda: len(host.entries(id)) > 3)
    await host.driver.pause(id)
    assert (await host.state(id)).status is Status.PAUSED
    with pytest.raises(Conflict):
        await host.driver.pause(id)
    await asyncio.sleep(0.05)
    before = len(host.entries(id))
    await asyncio.sleep(0.1)
    assert len(host.entries(id)) == before
    await host.driver.resume(id)
    await eventually(lambda: len(host.entries(id)) > before)


async def test_paused_container_can_be_deleted(host: Host) -> None:
    id = await host.run("sleep 1000")
    await host.driver.pause(id)
    await host.driver.delete(id)
    assert (await host.events.exit(id)).code == 137


async def test_limits_hold_and_can_be_changed(host: Host) -> None:
    id = await host.run("sleep 1000", resources=Resources(pids=Pids(7)))
    assert _limit(host, id) == "7"
    await host.driver.update(id, Resources(pids=Pids(9)))
    assert _limit(host, id) == "9"


def _limit(host: Host, id: str) -> str:
    place = Hierarchies.of_host().of("pids")
    assert place is not None
    return Path(f"{place.mount_point}{host.parent}/{id}/pids.max").read_text().strip()


async def test_many_at_once(host: Host) -> None:
    requests = [host.request(f"echo {number}; exit {number}", log=True) for number in range(6)]
    await asyncio.gather(*(host.driver.run(request) for request in requests))
    for number, request in enumerate(requests):
        assert (await host.events.exit(request.id)).code == number
        assert host.logged(request.id) == f"{number}\n"
    await asyncio.gather(*(host.driver.delete(request.id) for request in requests))
    assert await host.driver.list() == []
    assert os.listdir(host.root.containers) == []


async def test_namespace_of_a_sandbox_is_joined(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "netns"
    if _mounts_of(host.driver.supervisor_pid) != _mounts_of(os.getpid()):
        pytest.skip("the supervisor's mounts are its own: see conftest")
    fds = await host.driver.sandbox(path)
    try:
        wanted = f"net:[{os.stat(path).st_ino}]\n"
        namespaces = tuple(Namespace("network", str(path)) if n.type == "network" else n for n in boxes.NAMESPACES)
        id = await host.run("readlink /proc/self/ns/net", linux={"namespaces": namespaces}, log=True)
        await host.events.exit(id)
        assert host.logged(id) == wanted
    finally:
        for fd in fds:
            os.close(fd)
        umount2(str(path), MNT_DETACH)


def _mounts_of(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/mnt")
