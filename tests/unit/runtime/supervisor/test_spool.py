"""Exactly once: every state of the spool and of the log that a kill can leave behind is finished right."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.runtime.driver import LogFile
from corral.runtime.supervisor.logsink import LogSink
from corral.runtime.supervisor.spool import Spool


class Killed(BaseException):
    pass


class Bench:
    """A FIFO, a log and a spool; every supervisor on it is a new Spool and a new LogSink."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory / "log"
        self.staging = os.pipe()
        self.spool_fd = os.open(directory / "spool", os.O_RDWR | os.O_CREAT)
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.restart()

    def restart(self) -> None:
        self.spool = Spool(self.spool_fd, self.staging)
        self.sink = LogSink(self.spool, "ID", str(self.directory), LogFile(str(self.log)), lambda _: lambda: True)
        unfinished = self.spool.recover()
        if unfinished is not None:
            assert unfinished.owner == "ID/stdout"
            self.sink.redo(unfinished)

    def take(self) -> bytes:
        return self.sink.take(self.reader, "stdout", terminal=False)

    def text(self) -> str:
        return "".join(json.loads(line)["log"] for line in self.log.read_text().splitlines())

    def close(self) -> None:
        for fd in (self.spool_fd, *self.staging, self.reader, self.writer):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def test_output_is_logged_and_returned(bench: Bench) -> None:
    os.write(bench.writer, b"one\ntwo\nthr")
    assert bench.take() == b"one\ntwo\nthr"
    assert bench.text() == "one\ntwo\n"
    os.write(bench.writer, b"ee\n")
    bench.take()
    assert bench.text() == "one\ntwo\nthree\n"
    with pytest.raises(BlockingIOError):
        bench.take()


def test_unfinished_line_survives_and_is_flushed_at_the_end(bench: Bench) -> None:
    os.write(bench.writer, b"one\ntwo")
    bench.take()
    bench.restart()
    os.close(bench.writer)
    bench.writer = -1
    assert bench.take() == b""
    assert bench.text() == "one\ntwo"
    bench.restart()
    assert bench.take() == b""
    assert bench.text() == "one\ntwo"


# Where a supervisor may be killed, as the function of the os module that is not reached any more.
STEPS = ["pwrite", "splice", "pread", "writev", "ftruncate"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_killed_at_every_step_loses_and_doubles_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str, before: bool
) -> None:
    os.write(bench.writer, b"0\n1\n2")
    bench.take()
    os.write(bench.writer, b"\n3\n4\n5")
    real = getattr(os, step)

    def dying(*arguments: object, **options: object) -> object:
        if not before:
            real(*arguments, **options)
        raise Killed

    with monkeypatch.context() as context:
        context.setattr(os, step, dying)
        with pytest.raises(Killed):
            bench.take()
    bench.restart()
    os.write(bench.writer, b"\n6\n")
    while True:
        try:
            bench.take()
        except BlockingIOError:
            break
    assert bench.text() == "".join(f"{number}\n" for number in range(7))


def test_entries_that_were_half_written_are_written_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    os.write(bench.writer, b"first\nsecond\n")

    def half(fd: int, pieces: list[bytes]) -> int:
        data = b"".join(pieces)
        os.write(fd, data[: len(data) // 2])
        raise Killed

    with monkeypatch.context() as context:
        context.setattr(os, "writev", half)
        with pytest.raises(Killed):
            bench.take()
    bench.restart()
    assert bench.text() == "first\nsecond\n"


def test_killed_again_while_it_recovers(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    os.write(bench.writer, b"first\nsecond\nthird")

    def dying(*_: object) -> None:
        raise Killed

    for step, attempt in (("ftruncate", bench.take), ("writev", bench.restart), ("ftruncate", bench.restart)):
        with monkeypatch.context() as context:
            context.setattr(os, step, dying)
            with pytest.raises(Killed):
                attempt()
    bench.restart()
    assert bench.text() == "first\nsecond\n"
    os.close(bench.writer)
    bench.writer = -1
    bench.take()
    assert bench.text() == "first\nsecond\nthird"


def test_flush_that_was_killed_is_done_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    os.write(bench.writer, b"unterminated")
    bench.take()
    os.close(bench.writer)
    bench.writer = -1

    def dying(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as context:
        context.setattr(os, "ftruncate", dying)
        with pytest.raises(Killed):
            bench.take()
    assert bench.text() == "unterminated"
    bench.restart()
    assert bench.take() == b""
    assert bench.text() == "unterminated"


def test_terminal_killed_between_its_two_moves(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = os.openpty()
    os.write(slave, b"typed\n")
    real = os.splice
    calls = []

    def dying(*arguments: object, **options: object) -> int:
        calls.append(arguments)
        if len(calls) == 2:
            raise Killed
        return real(*arguments, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as context:
        context.setattr(os, "splice", dying)
        with pytest.raises(Killed):
            bench.sink.take(master, "stdout", terminal=True)
    bench.restart()
    assert bench.text() == "typed\r\n"
    os.write(slave, b"more\n")
    assert bench.sink.take(master, "stdout", terminal=True) == b"more\r\n"
    os.close(slave)
    assert bench.sink.take(master, "stdout", terminal=True) == b""
    os.close(master)
    assert bench.text() == "typed\r\nmore\r\n"


def test_full_disk_costs_lines_but_the_log_stays_whole(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    os.write(bench.writer, b"kept\n")
    bench.take()
    os.write(bench.writer, b"lost\n")

    def full(fd: int, pieces: list[bytes]) -> int:
        os.write(fd, pieces[0])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(os, "writev", full)
        assert bench.take() == b"lost\n"
    os.write(bench.writer, b"kept too\n")
    bench.take()
    assert bench.text() == "kept\nkept too\n"


def test_full_exec_root_costs_exactness_but_no_line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    os.write(bench.writer, b"one\ntwo")

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(os, "splice", full)
        assert bench.take() == b"one\ntwo"
    os.write(bench.writer, b"\nthree\n")
    bench.take()
    assert bench.text() == "one\ntwo\nthree\n"
