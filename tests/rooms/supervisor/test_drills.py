"""kill -9 of driver, supervisor and keeper, in every combination and order, while containers write numbered lines.

No container may die, no number may be missing or doubled, every exit code must be right.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable

import pytest

from corral.linux.pidfd import pidfd_get_info
from corral.runtime.driver import Exit, Status
from support import boxes
from support.native import Client, Host, alive, eventually

pytestmark = pytest.mark.requires(*boxes.NEEDS, "cgroup")

COUNT = (
    "i=0; while [ ! -e /stop ]; do seq $((i + 1)) $((i + 100)); i=$((i + 100)); sleep 0.005; done; "
    "echo end >&2; exit %d"
)
"""Numbered lines in bursts, until it is told to stop."""


Drill = Callable[[Host], Awaitable[None]]


class Fleet:
    """Containers that count, each with an exit code of its own."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.ids: list[str] = []

    async def start(self, size: int) -> None:
        for number in range(size):
            self.ids.append(await self.host.run(COUNT % (100 + number), log=True))

    async def check(self, *drills: Drill) -> None:
        """Everybody goes on writing; then they stop, and nothing is missing."""
        host = self.host
        sizes = [host.log(id).stat().st_size for id in self.ids]
        await eventually(
            lambda: all(host.log(id).stat().st_size > old for id, old in zip(self.ids, sizes, strict=True))
        )
        for state in await host.driver.list():
            assert state.status is Status.RUNNING
            assert alive(state.pid)
        (host.rootfs / "stop").touch()
        for number, id in enumerate(self.ids):
            assert is_right(await host.events.exit(id), 100 + number, *drills)
            lines = host.logged(id, "stdout").splitlines()
            assert lines == [str(line) for line in range(1, len(lines) + 1)]
            assert host.logged(id, "stderr") == "end\n"
            assert len(lines) > 100


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


async def kill_supervisor(host: Host) -> None:
    old = host.driver.supervisor_pid
    kill(old)
    await eventually(lambda: host.driver.supervisor_pid != old)


async def kill_keeper(host: Host) -> None:
    old = host.driver.keeper_pid
    kill(old)
    await eventually(lambda: host.driver.keeper_pid != old)


async def kill_supervisor_and_keeper(host: Host) -> None:
    old = host.driver.supervisor_pid, host.driver.keeper_pid
    kill(old[0])
    kill(old[1])
    await eventually(lambda: host.driver.supervisor_pid not in old)


async def kill_keeper_and_supervisor(host: Host) -> None:
    old = host.driver.supervisor_pid, host.driver.keeper_pid
    kill(old[1])
    kill(old[0])
    await eventually(lambda: host.driver.supervisor_pid not in old)


async def lose_driver(host: Host) -> None:
    """As if the daemon had been killed: nothing is said, all its descriptors are closed."""
    driver = host.driver
    assert driver._link is not None
    driver._closed = True
    driver._link.close()
    driver._kept.close()
    await host.connect()


async def lose_driver_and_supervisor(host: Host) -> None:
    old = host.driver.supervisor_pid
    kill(old)
    await lose_driver(host)
    await eventually(lambda: host.driver.supervisor_pid != old)


async def lose_driver_and_keeper(host: Host) -> None:
    old = host.driver.keeper_pid
    kill(old)
    await lose_driver(host)
    await eventually(lambda: host.driver.keeper_pid != old)


DRILLS: list[Drill] = [
    kill_supervisor,
    kill_keeper,
    kill_supervisor_and_keeper,
    kill_keeper_and_supervisor,
    lose_driver,
    lose_driver_and_supervisor,
    lose_driver_and_keeper,
]


def is_right(exit: Exit, code: int, *drills: Drill) -> bool:
    """Known, unless the container's parent died and the keeper with it or before: then only the kernel can know.

    Where it does not, the exit is unknown, and nobody makes it up.
    """
    orphaned = not {kill_supervisor, lose_driver, lose_driver_and_supervisor} >= {*drills}
    return exit.code == code or (orphaned and exit.code is None and not _kernel_remembers())


def _kernel_remembers() -> bool:
    """Whether a pidfd tells how its process ended after it was collected: Linux 6.15."""
    child = subprocess.Popen(["true"])
    fd = os.pidfd_open(child.pid)
    try:
        child.wait()
        info = pidfd_get_info(fd)
        return info is not None and info.wait_status is not None
    finally:
        os.close(fd)


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.__name__)
async def test_nothing_is_lost(host: Host, drill: Drill) -> None:
    fleet = Fleet(host)
    await fleet.start(4)
    for _ in range(3):
        await asyncio.sleep(0.1)
        await drill(host)
    await fleet.check(drill)


async def test_nothing_is_lost_whatever_comes(host: Host) -> None:
    fleet = Fleet(host)
    await fleet.start(6)
    order = random.Random(20)
    for _ in range(12):
        await asyncio.sleep(order.random() * 0.1)
        await order.choice(DRILLS)(host)
    await fleet.check(*DRILLS)


async def test_supervisor_killed_again_and_again_at_any_moment_loses_and_doubles_no_line(host: Host) -> None:
    fleet = Fleet(host)
    await fleet.start(2)
    order = random.Random(7)
    deadline = time.monotonic() + 4
    kills = 0
    while time.monotonic() < deadline:
        await asyncio.sleep(order.random() * 0.02)
        await kill_supervisor(host)
        kills += 1
    assert kills > 20
    await fleet.check()


async def test_all_three_killed_at_once_kill_no_container(host: Host) -> None:
    fleet = Fleet(host)
    await fleet.start(3)
    old = host.driver.supervisor_pid, host.driver.keeper_pid
    kill(old[1])
    kill(old[0])
    await lose_driver(host)
    assert host.driver.supervisor_pid not in old
    await fleet.check(kill_keeper_and_supervisor)


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.__name__)
async def test_terminal_stdin_and_exec_survive(host: Host, drill: Drill) -> None:
    terminal = await host.run("stty -echo; while read line; do echo got $line; done", terminal=True, open_stdin=True)
    piped = await host.run("while read line; do echo got $line; done; exit 6", open_stdin=True, stdin_once=True)
    exec_id = await host.exec(piped, "sleep 0.5; exit 8")
    await asyncio.sleep(0.1)
    await drill(host)
    for id, is_terminal in ((terminal, True), (piped, False)):
        client = Client(terminal=is_terminal, stdin=True)
        await host.driver.attach(id, None, client.attachment)
        await client.send(b"hello\n")
        await client.until(b"got hello")
        if not is_terminal:
            assert is_right(await host.events.exit(exec_id), 8, drill)
        client.half_close()
        await client.read()
    assert is_right(await host.events.exit(piped), 6, drill)
    assert (await host.state(terminal)).status is Status.RUNNING


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.__name__)
async def test_exit_during_the_drill_is_known(host: Host, drill: Drill) -> None:
    ids = [await host.run(f"sleep 0.{number}; echo last; exit {number}", log=True) for number in range(1, 6)]
    await asyncio.sleep(0.2)
    await drill(host)
    for number, id in enumerate(ids, 1):
        assert is_right(await host.events.exit(id), number, drill)
        assert host.logged(id) == "last\n"


async def test_created_container_survives(host: Host) -> None:
    request = host.request("echo started; exit 4", log=True)
    await host.driver.create(request)
    await kill_supervisor(host)
    await kill_keeper(host)
    assert (await host.state(request.id)).status is Status.CREATED
    await host.driver.start(request.id)
    assert is_right(await host.events.exit(request.id), 4, kill_supervisor, kill_keeper)
    assert host.logged(request.id) == "started\n"


async def test_paused_container_survives(host: Host) -> None:
    id = await host.run("sleep 1000")
    await host.driver.pause(id)
    await kill_supervisor(host)
    assert (await host.state(id)).status is Status.PAUSED
    await host.driver.resume(id)


async def test_stopped_container_is_remembered_until_delete(host: Host) -> None:
    id = await host.run("exit 5")
    exit = await host.events.exit(id)
    await kill_supervisor_and_keeper(host)
    assert (await host.state(id)).exit == exit
    await host.driver.delete(id)
    assert await host.driver.list() == []


async def test_requests_under_way_are_answered_by_the_next_supervisor(host: Host) -> None:
    async def life(number: int) -> None:
        client = Client()
        id = await host.run(f"echo {number}; exit {number}", client, log=True)
        assert (await host.events.exit(id)).code == number
        assert host.logged(id) == f"{number}\n"
        client.socket.close()
        await host.driver.delete(id)

    lives = [asyncio.ensure_future(life(number)) for number in range(20)]
    for _ in range(4):
        await asyncio.sleep(0.03)
        await kill_supervisor(host)
    await asyncio.gather(*lives)
    assert await host.driver.list() == []


async def test_keeper_holds_nothing_of_what_has_ended(host: Host) -> None:
    def held() -> int:
        return len(os.listdir(f"/proc/{host.driver.keeper_pid}/fd"))

    before = held()
    for terminal in (False, True):
        id = await host.run("sleep 1000", terminal=terminal, open_stdin=True, log=True)
        await host.exec(id, "sleep 1000")
        await eventually(lambda: held() > before)
        await host.driver.delete(id)
        await eventually(lambda: held() == before)
