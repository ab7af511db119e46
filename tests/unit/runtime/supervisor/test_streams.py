"""Outputs, inputs and attachments on plain pipes and sockets: framing, fairness, back-pressure, half-close."""

from __future__ import annotations

import gc
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from corral.runtime import driver
from corral.runtime.driver import Exit, Stdio
from corral.runtime.supervisor import attachment
from corral.runtime.supervisor.loop import Loop
from corral.runtime.supervisor.process import Process


class Bench:
    """A process made of pipes: this test holds the other ends."""

    def __init__(self, loop: Loop, stdio: Stdio) -> None:
        self.loop = loop
        self.ended: list[int | None] = []
        self.detaches = 0
        self.process = Process(loop, "ID", stdio, None, self)
        self.fds: list[int] = []

    def output(self, stream: int) -> int:
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        self.process.add_output(stream, read)
        return write

    def input(self) -> int:
        read, write = os.pipe()
        os.set_blocking(write, False)
        os.set_blocking(read, False)
        self.process.add_stdin(write)
        return read

    def attach(self, **options: object) -> socket.socket:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.process.attach(driver.Attachment(theirs.detach(), **options))  # type: ignore[arg-type]
        return ours

    def finished(self, process: Process) -> None:
        assert process.exit is not None
        self.ended.append(process.exit.code)

    def detached(self, process: Process) -> None:
        self.detaches += 1

    def stdin_closed(self, process: Process) -> None: ...

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < deadline
            self.loop.turn(0.05)

    def turns(self, count: int = 5) -> None:
        for _ in range(count):
            self.loop.turn(0)


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


def receive(bench: Bench, sock: socket.socket, size: int = 1 << 20) -> bytes:
    """Everything up to the end of the stream."""
    out = bytearray()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        bench.turns(1)
        try:
            data = sock.recv(size)
        except BlockingIOError:
            continue
        if not data:
            return bytes(out)
        out += data
    raise AssertionError(f"stream does not end after {bytes(out)!r}")


def frames(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        stream, length = struct.unpack_from(">BxxxL", data)
        found.append((stream, data[8 : 8 + length]))
        data = data[8 + length :]
    return found


def test_output_is_framed_by_stream(loop: Loop) -> None:
    bench = Bench(loop, Stdio())
    out, err = bench.output(1), bench.output(2)
    client = bench.attach(stdout=True, stderr=True)
    os.write(out, b"\x00\xffbinary")
    bench.turns()
    os.write(err, b"error")
    bench.turns()
    os.close(out)
    os.close(err)
    bench.process.has_ended(Exit(3, 1))
    assert frames(receive(bench, client)) == [(1, b"\x00\xffbinary"), (2, b"error")]
    bench.until(lambda: bench.ended == [3])


def test_only_the_streams_that_were_asked_for(loop: Loop) -> None:
    bench = Bench(loop, Stdio())
    out, err = bench.output(1), bench.output(2)
    client = bench.attach(stderr=True)
    os.write(out, b"out")
    os.write(err, b"err")
    os.close(out)
    os.close(err)
    bench.process.has_ended(Exit(0, 1))
    assert frames(receive(bench, client)) == [(2, b"err")]


def test_writer_at_full_speed_starves_nobody(loop: Loop) -> None:
    """Each turn moves at most one chunk of each source."""
    bench = Bench(loop, Stdio())
    loud, quiet = bench.output(1), bench.output(2)
    client = bench.attach(stderr=True)
    quiet_turns = []
    for turn in range(200):
        with suppress(BlockingIOError):
            os.write(loud, b"x" * 65536)
        if turn % 20 == 0:
            os.write(quiet, b"q")
        loop.turn(0)
        try:
            if client.recv(100):
                quiet_turns.append(turn)
        except BlockingIOError:
            pass
    assert quiet_turns == list(range(0, 200, 20))
    os.close(loud)
    os.close(quiet)
    bench.process.close()


def test_slow_client_stops_the_process_and_memory_stays_bounded(loop: Loop) -> None:
    bench = Bench(loop, Stdio())
    out = bench.output(1)
    client = bench.attach(stdout=True)
    written = 0
    for _ in range(400):
        with suppress(BlockingIOError):
            written += os.write(out, b"x" * 65536)
        loop.turn(0)
    assert written < attachment.HIGH + 1024 * 1024
    # As soon as the client reads, everything is there, and the process goes on.
    received = bytearray()
    deadline = time.monotonic() + 10
    while len(received) < 3_000_000 and time.monotonic() < deadline:
        with suppress(BlockingIOError):
            written += os.write(out, b"x" * 65536)
        loop.turn(0)
        with suppress(BlockingIOError):
            received += client.recv(1 << 20)
    os.close(out)
    bench.process.has_ended(Exit(0, 1))
    received += receive(bench, client)
    assert sum(len(data) for _, data in frames(bytes(received))) == written


def test_slow_client_does_not_delay_the_end(loop: Loop) -> None:
    bench = Bench(loop, Stdio())
    out = bench.output(1)
    client = bench.attach(stdout=True)
    written = 0
    for _ in range(100):
        with suppress(BlockingIOError):
            written += os.write(out, b"x" * 65536)
        loop.turn(0)
    os.close(out)
    bench.process.has_ended(Exit(7, 1))
    bench.until(lambda: bench.ended == [7])
    assert sum(len(data) for _, data in frames(receive(bench, client))) == written


def test_client_that_hangs_up_is_forgotten(loop: Loop) -> None:
    bench = Bench(loop, Stdio())
    out = bench.output(1)
    bench.attach(stdout=True).close()
    other = bench.attach(stdout=True)
    for _ in range(50):
        with suppress(BlockingIOError):
            os.write(out, b"x" * 65536)
        loop.turn(0)
        with suppress(BlockingIOError):
            other.recv(1 << 20)
    os.close(out)
    bench.process.has_ended(Exit(0, 1))
    receive(bench, other)
    bench.until(lambda: bench.ended == [0])


def test_input_reaches_the_process_and_its_end_too(loop: Loop) -> None:
    bench = Bench(loop, Stdio(open_stdin=True, stdin_once=True))
    stdin, out = bench.input(), bench.output(1)
    client = bench.attach(stdin=True, stdout=True, initial_input=b"first ")
    client.send(b"second")
    client.shutdown(socket.SHUT_WR)
    bench.until(lambda: os.read(stdin, 6) == b"first ")
    bench.turns()
    assert os.read(stdin, 100) == b"second"
    assert os.read(stdin, 100) == b""
    # The client still gets what comes afterwards.
    os.write(out, b"answer")
    os.close(out)
    bench.process.has_ended(Exit(0, 1))
    assert frames(receive(bench, client)) == [(1, b"answer")]
    os.close(stdin)


def test_half_close_without_stdin_once_ends_the_attachment_and_not_the_input(loop: Loop) -> None:
    bench = Bench(loop, Stdio(open_stdin=True))
    stdin, out = bench.input(), bench.output(1)
    client = bench.attach(stdin=True, stdout=True)
    client.send(b"x")
    client.shutdown(socket.SHUT_WR)
    assert receive(bench, client) == b""
    assert os.read(stdin, 10) == b"x"
    with pytest.raises(BlockingIOError):
        os.read(stdin, 10)
    bench.process.close()
    os.close(out)
    os.close(stdin)


def test_client_without_stdin_may_half_close_and_its_input_is_ignored(loop: Loop) -> None:
    bench = Bench(loop, Stdio(open_stdin=True))
    stdin, out = bench.input(), bench.output(1)
    client = bench.attach(stdout=True)
    client.send(b"ignored")
    client.shutdown(socket.SHUT_WR)
    bench.turns()
    with pytest.raises(BlockingIOError):
        os.read(stdin, 10)
    os.write(out, b"still here")
    os.close(out)
    bench.process.has_ended(Exit(0, 1))
    assert frames(receive(bench, client)) == [(1, b"still here")]
    os.close(stdin)


def test_input_that_nobody_reads_is_not_collected_in_memory(loop: Loop) -> None:
    bench = Bench(loop, Stdio(open_stdin=True, stdin_once=True))
    stdin, out = bench.input(), bench.output(1)
    client = bench.attach(stdin=True, stdout=True)
    sent = 0
    for _ in range(300):
        with suppress(BlockingIOError):
            sent += client.send(b"i" * 65536)
        loop.turn(0)
    assert sent < 2_000_000
    client.shutdown(socket.SHUT_WR)
    received = bytearray()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        loop.turn(0)
        try:
            data = os.read(stdin, 65536)
        except BlockingIOError:
            continue
        if not data:
            break
        received += data
    assert len(received) == sent
    bench.process.close()
    os.close(out)
    os.close(stdin)


def test_process_that_does_not_read_its_input_any_more_harms_nobody(loop: Loop) -> None:
    bench = Bench(loop, Stdio(open_stdin=True))
    stdin, out = bench.input(), bench.output(1)
    client = bench.attach(stdin=True, stdout=True)
    os.close(stdin)
    for _ in range(5):
        client.send(b"x" * 1000)
        bench.turns(2)
    os.write(out, b"fine")
    os.close(out)
    bench.process.has_ended(Exit(0, 1))
    assert frames(receive(bench, client)) == [(1, b"fine")]


def test_terminal_is_not_framed_and_detach_keys_end_the_attachment(loop: Loop) -> None:
    bench = Bench(loop, Stdio(terminal=True, open_stdin=True))
    master, slave = os.openpty()
    bench.process.add_console(master)
    client = bench.attach(stdin=True, stdout=True, stderr=True, detach_keys=b"\x10\x11")
    os.write(slave, b"prompt$ ")
    bench.until(lambda: select.select([client], [], [], 0)[0] != [])
    assert client.recv(100) == b"prompt$ "
    client.send(b"ls\n\x10")
    bench.until(lambda: select.select([slave], [], [], 0)[0] != [])
    assert os.read(slave, 100) == b"ls\n"
    client.send(b"\x11")
    receive(bench, client)
    assert bench.detaches == 1
    os.close(slave)
    bench.process.has_ended(Exit(0, 1))
    bench.until(lambda: bench.ended == [0])


def test_terminal_has_the_size_that_was_asked_for(loop: Loop) -> None:
    bench = Bench(loop, Stdio(terminal=True))
    master, slave = os.openpty()
    bench.process.resize(30, 100)
    bench.process.add_console(master)
    assert os.get_terminal_size(slave) == (100, 30)
    bench.process.resize(40, 90)
    assert os.get_terminal_size(slave) == (90, 40)
    bench.process.close()
    os.close(slave)


def test_orphan_that_holds_the_output_cannot_delay_the_end_for_long(loop: Loop) -> None:
    bench = Bench(loop, Stdio())
    out = bench.output(1)
    client = bench.attach(stdout=True)
    os.write(out, b"before")
    bench.process.has_ended(Exit(0, 1))
    bench.until(lambda: bench.ended == [0])
    assert frames(receive(bench, client)) == [(1, b"before")]
    os.close(out)


def test_closed_process_gives_every_descriptor_back(loop: Loop) -> None:
    gc.collect()  # what earlier tests left to the collector would be given back in between
    before = len(os.listdir("/proc/self/fd"))
    bench = Bench(loop, Stdio(open_stdin=True))
    ends = [bench.input(), bench.output(1), bench.output(2)]
    client = bench.attach(stdin=True, stdout=True, stderr=True)
    bench.process.close()
    client.close()
    bench.turns()
    for fd in ends:
        os.close(fd)
    assert len(os.listdir("/proc/self/fd")) == before
