"""Containers through the native driver: exit codes, errors, states, signals, cgroups."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace

import pytest

from corral.errors import Conflict, NotFound
from corral.oci.runtime import Memory, Namespace, Pids, Resources, User
from corral.runtime.driver import StartError, Status
from support import boxes
from support.native import Client, Host, alive, gone

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")


@pytest.mark.parametrize("code", [0, 1, 42, 255])
async def test_exit_code_is_the_programs(host: Host, code: int) -> None:
    id = await host.run(f"exit {code}")
    exit = await host.events.exit(id)
    assert (exit.code, exit.oom_killed) == (code, False)
    state = await host.state(id)
    assert (state.status, state.exit) == (Status.STOPPED, exit)
    assert state.started_at < exit.at


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_signal_is_128_and_its_number(host: Host, number: int) -> None:
    id = await host.run(
        "trap - TERM; exec sleep 1000" if number == signal.SIGKILL else "trap 'exit 143' TERM; sleep 1000 & wait"
    )
    await asyncio.sleep(0.05)
    await host.driver.kill(id, number)
    assert (await host.events.exit(id)).code == 128 + number


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["nope"], 127, 'exec: "nope": executable file not found in $PATH'),
        (["/nope"], 127, 'exec: "/nope": stat /nope: no such file or directory'),
        (["/etc/passwd"], 126, 'exec: "/etc/passwd": permission denied'),
    ],
)
async def test_program_that_cannot_run_is_a_start_error_and_leaves_nothing(
    host: Host, args: list[str], code: int, message: str
) -> None:
    request = host.request(boxes.process(*args))
    with pytest.raises(StartError) as caught:
        await host.driver.run(request)
    assert (caught.value.exit_code, caught.value.message) == (code, message)
    assert await host.driver.list() == []
    assert not os.path.exists(request.bundle)
    assert request.id not in host.events.exits


async def test_created_container_waits_and_can_be_started(host: Host) -> None:
    request = host.request("echo started", log=True)
    state = await host.driver.create(request)
    assert (state.status, state.started_at) == (Status.CREATED, 0)
    assert host.logged(request.id) == ""
    assert (await host.driver.start(request.id)).started_at > 0
    await host.events.exit(request.id)
    assert host.logged(request.id) == "started\n"
    with pytest.raises(Conflict):
        await host.driver.start(request.id)


async def test_start_of_a_created_container_may_fail(host: Host) -> None:
    request = host.request(boxes.process("/etc/passwd"))
    with pytest.raises(StartError):
        await host.driver.create(request)
        await host.driver.start(request.id)
    assert await host.driver.list() == []


async def test_id_is_taken_until_delete(host: Host) -> None:
    request = host.request("exit 0")
    await host.driver.run(request)
    await host.events.exit(request.id)
    with pytest.raises(Conflict):
        await host.driver.run(request)
    await host.driver.delete(request.id)
    host.events.exits.clear()
    await host.driver.run(request)
    await host.events.exit(request.id)


async def test_delete_kills_and_leaves_nothing(host: Host) -> None:
    request = host.request("sleep 1000 & sleep 1000", open_stdin=True, log=True)
    state = await host.driver.run(request)
    await host.driver.delete(request.id)
    await host.driver.delete(request.id)
    assert not alive(state.pid)
    assert not os.path.exists(request.bundle)
    assert (await host.events.exit(request.id)).code == 137
    assert await host.driver.list() == []
    with pytest.raises(NotFound):
        await host.driver.pids(request.id)


async def test_pids_are_the_hosts(host: Host) -> None:
    id = await host.run("sleep 1000 & sleep 1000 & wait")
    state = await host.state(id)
    pids: list[int] = []
    while len(pids) < 3:
        pids = await host.driver.pids(id)
    assert state.pid in pids
    assert all(alive(pid) for pid in pids)


async def test_out_of_memory_is_known(host: Host) -> None:
    id = await host.run(
        "x=a; while :; do x=$x$x; done", resources=Resources(memory=Memory(limit=16 << 20, swap=16 << 20))
    )
    exit = await host.events.exit(id)
    assert (exit.code, exit.oom_killed) == (137, True)
    assert id in host.events.ooms


async def test_limits_can_be_changed(host: Host) -> None:
    id = await host.run("sleep 1000", resources=Resources(pids=Pids(5)))
    await host.driver.update(id, Resources(pids=Pids(1)))
    assert (await _output(host, id, "sleep 1 & echo survived")) == ""


async def _output(host: Host, id: str, script: str) -> str:
    client = Client()
    try:
        await host.exec(id, script, client)
    except StartError:
        return ""
    return (await client.streams())[1].decode()


async def test_signal_to_everybody_in_the_hosts_pid_namespace(host: Host) -> None:
    namespaces = tuple(n for n in boxes.NAMESPACES if n.type != "pid")
    id = await host.run("sleep 1000 & sleep 1000 & wait", linux={"namespaces": namespaces})
    pids: list[int] = []
    while len(pids) < 3:
        pids = await host.driver.pids(id)
    await host.driver.kill(id, signal.SIGKILL, all=True)
    for pid in pids:
        await gone(pid)
    assert (await host.events.exit(id)).code == 137


async def test_orphans_in_the_hosts_pid_namespace_end_with_the_container(host: Host) -> None:
    namespaces = tuple(n for n in boxes.NAMESPACES if n.type != "pid")
    id = await host.run("sleep 1000 & echo $!; exit 5", linux={"namespaces": namespaces}, log=True)
    assert (await host.events.exit(id)).code == 5
    await gone(int(host.logged(id)))


async def test_kill_of_an_ended_container_is_a_conflict(host: Host) -> None:
    id = await host.run("exit 0")
    await host.events.exit(id)
    with pytest.raises(Conflict):
        await host.driver.kill(id, signal.SIGTERM)
    with pytest.raises(NotFound):
        await host.driver.kill("f" * 64, signal.SIGTERM)


async def test_user_that_is_not_root_can_open_its_streams_again(host: Host) -> None:
    process = replace(boxes.shell("echo out > /dev/stdout; echo err > /proc/self/fd/2"), user=User(username="bob"))
    request = host.request(process, log=True)
    await host.driver.run(request)
    assert (await host.events.exit(request.id)).code == 0
    assert (host.logged(request.id, "stdout"), host.logged(request.id, "stderr")) == ("out\n", "err\n")


async def test_many_start_at_once(host: Host) -> None:
    requests = [host.request(f"echo {number}; exit {number}", log=True) for number in range(16)]
    await asyncio.gather(*(host.driver.run(request) for request in requests))
    for number, request in enumerate(requests):
        assert (await host.events.exit(request.id)).code == number
        assert host.logged(request.id) == f"{number}\n"
    await asyncio.gather(*(host.driver.delete(request.id) for request in requests))
    assert await host.driver.list() == []
    assert os.listdir(host.root.containers) == []


async def test_container_of_another_pid_namespace_by_path_joins_it(host: Host) -> None:
    first = await host.run("sleep 1000")
    pid = (await host.state(first)).pid
    namespaces = tuple(Namespace("pid", f"/proc/{pid}/ns/pid") if n.type == "pid" else n for n in boxes.NAMESPACES)
    second = await host.run("ps -o args | grep -c 'sleep 1000'", linux={"namespaces": namespaces}, log=True)
    await host.events.exit(second)
    assert int(host.logged(second)) >= 1
    assert (await host.state(first)).status is Status.RUNNING


async def test_delete_of_a_container_whose_output_is_held_open_does_not_swallow_its_exit(host: Host) -> None:
    namespaces = tuple(n for n in boxes.NAMESPACES if n.type != "pid")
    request = host.request("sleep 1000", linux={"namespaces": namespaces})
    state = await host.driver.run(request)
    # Somebody outside of its cgroup has its pipe open.
    with open(f"/proc/{state.pid}/fd/1", "wb"):
        await host.driver.kill(request.id, signal.SIGKILL)
        await gone(state.pid)
        await host.driver.delete(request.id)
    assert (await host.events.exit(request.id)).code == 137
