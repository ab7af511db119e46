"""The event loop: order, isolation of faults, descriptors whose numbers are used again."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from corral.runtime.supervisor.loop import IN, Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


def full_pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.write(write, b"x")
    return read, write


def test_source_that_is_always_ready_is_called_once_a_turn(loop: Loop) -> None:
    """So that another one that is ready is called as often."""
    pipes = [full_pipe() for _ in range(3)]
    calls = [0, 0, 0]
    for index, (read, _) in enumerate(pipes):

        def handler(_events: int, index: int = index) -> None:
            calls[index] += 1

        loop.add(read, IN, handler)
    for _ in range(10):
        loop.turn(0)
    assert calls == [10, 10, 10]
    for pipe in pipes:
        os.close(pipe[0])
        os.close(pipe[1])


def test_handler_that_raises_is_taken_out_and_its_owner_is_told(loop: Loop, capfd: pytest.CaptureFixture[str]) -> None:
    bad, good = full_pipe(), full_pipe()
    told, calls = [], []

    def failing(_events: int) -> None:
        raise KeyError("broken")

    loop.add(bad[0], IN, failing, lambda: told.append(True))
    loop.add(good[0], IN, lambda _: calls.append(True))
    loop.turn(0)
    loop.turn(0)
    assert told == [True]
    assert calls == [True, True]
    assert not loop.watches(bad[0])
    assert "error=KeyError: 'broken'" in capfd.readouterr().err
    for fd in (*bad, *good):
        os.close(fd)


def test_event_of_a_closed_descriptor_does_not_reach_its_successor(loop: Loop) -> None:
    first, second = full_pipe(), full_pipe()
    reached = []

    def replace(_events: int) -> None:
        """Whichever comes first closes the other one and puts something new, with nothing to read, in its place."""
        for read, _ in (first, second):
            loop.remove(read)
        empty, _ = os.pipe()
        for read, _ in (first, second):
            os.dup2(empty, read)
            loop.add(read, IN, lambda _: reached.append(True))
        os.close(empty)

    loop.add(first[0], IN, replace)
    loop.add(second[0], IN, replace)
    loop.turn(0)
    assert reached == []
    loop.close()
    for fd in (*first, *second):
        os.close(fd)


def test_timers_come_in_order_and_can_be_cancelled(loop: Loop) -> None:
    seen: list[str] = []
    loop.call_later(0.02, lambda: seen.append("later"))
    loop.call_later(0.01, lambda: seen.append("sooner"))
    loop.call_later(0.0, lambda: seen.append("never")).cancel()
    loop.call_soon(lambda: seen.append("soon"))
    while len(seen) < 3:
        loop.turn(1)
    assert seen == ["soon", "sooner", "later"]


def test_callback_that_raises_does_not_stop_the_others(loop: Loop, capfd: pytest.CaptureFixture[str]) -> None:
    seen = []
    loop.call_soon(lambda: print({}.popitem()))
    loop.call_soon(lambda: seen.append(True))
    loop.turn(0)
    assert seen == [True]
    assert "KeyError" in capfd.readouterr().err


def test_what_was_closed_too_early_does_not_stay_ready_by_its_duplicate(
    loop: Loop, capfd: pytest.CaptureFixture[str]
) -> None:
    read, write = full_pipe()
    duplicate = os.dup(read)
    other, others_end = full_pipe()
    calls = []
    loop.add(read, IN, lambda _: calls.append("closed"))
    loop.add(other, IN, lambda _: calls.append("other"))
    os.close(read)
    loop.remove(read)
    assert "not unregistered" in capfd.readouterr().err
    loop.turn(0)
    assert calls == ["other"]
    loop.remove(other)
    begin = time.monotonic()
    loop.turn(0.1)
    assert time.monotonic() - begin >= 0.09
    for fd in (duplicate, write, other, others_end):
        os.close(fd)


def test_forked_child_has_an_epoll_instance_of_its_own(loop: Loop) -> None:
    read, write = full_pipe()
    calls = []
    loop.add(read, IN, lambda _: calls.append(True))
    pid = os.fork()
    if not pid:
        try:
            loop.after_fork()
            loop.remove(read)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    loop.turn(0)
    assert calls == [True]
    os.close(read)
    os.close(write)
