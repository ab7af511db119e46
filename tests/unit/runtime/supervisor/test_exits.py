"""Exits of children, of orphans that are adopted, and of processes of others; each test in a process of its own, since
a reaper takes every child."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from corral.linux import prctl
from corral.runtime.supervisor.exits import Exits
from corral.runtime.supervisor.loop import Loop
from corral.runtime.supervisor.reaper import Reaper
from support.child import in_child


class World:
    def __init__(self) -> None:
        prctl.set_child_subreaper(True)
        self.loop = Loop()
        self.reaper = Reaper(self.loop)
        self.exits = Exits(self.loop, self.reaper)
        self.codes: list[int | None] = []

    def run(self, count: int) -> list[int | None]:
        """Until so many exits were told."""
        deadline = time.monotonic() + 10
        while len(self.codes) < count and time.monotonic() < deadline:
            self.loop.turn(0.05)
        return self.codes


def _program(orphan: Callable[[], None]) -> tuple[int, int, int]:
    """A child that leaves an orphan: process id and pidfd of the child, process id of the orphan."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        left = os.fork()
        if left == 0:
            orphan()
            os._exit(0)
        os.write(theirs, str(left).encode())
        os._exit(0)
    pidfd = os.pidfd_open(pid)
    return pid, pidfd, int(os.read(ours, 20))


def _ends(code: int, seconds: float) -> Callable[[], None]:
    def orphan() -> None:
        time.sleep(seconds)
        os._exit(code)

    return orphan


@pytest.mark.parametrize("seconds", [0.0, 0.3])
def test_orphan_is_adopted_whether_it_has_ended_or_not(seconds: float) -> None:
    def play() -> list[int | None]:
        world = World()
        world.exits.program_begins()
        pid, pidfd, orphan = _program(_ends(7, seconds))

        def ended(code: int | None) -> None:
            time.sleep(0.1)
            world.reaper.collect()  # an orphan that has ended is collected before anybody asks for it
            world.exits.adopt(orphan, world.codes.append)
            world.exits.program_ended()

        world.exits.of_child(pid, pidfd, ended)
        return world.run(1)

    assert in_child(play) == [7]


def test_orphan_that_nobody_can_know_of_is_unknown() -> None:
    def play() -> list[int | None]:
        world = World()
        pid, pidfd, orphan = _program(_ends(7, 0))
        world.exits.of_child(pid, pidfd, lambda _: None)
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOWAIT)
        time.sleep(0.1)
        world.reaper.collect()
        world.exits.adopt(orphan, world.codes.append)
        return world.run(1)

    assert in_child(play) == [None]


def test_statuses_of_strangers_are_forgotten_when_the_last_program_has_ended() -> None:
    def play() -> list[int | None]:
        world = World()
        world.exits.program_begins()
        world.exits.program_begins()
        _, _, orphan = _program(_ends(7, 0))
        time.sleep(0.1)
        world.reaper.collect()
        world.exits.program_ended()
        world.exits.program_ended()
        world.exits.adopt(orphan, world.codes.append)
        return world.run(1)

    assert in_child(play) == [None]


def test_status_that_the_keeper_told_is_known_to_who_adopts() -> None:
    def play() -> list[int | None]:
        world = World()
        world.exits.program_begins()
        world.exits.told(4_000_000, signal.SIGKILL)
        world.exits.adopt(4_000_000, world.codes.append)
        return world.run(1)

    assert in_child(play) == [137]
