"""Terminals: raw mode that ends whatever happens, detach keys, bytes between a connection and the standard streams."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import subprocess
import sys
import termios
import textwrap
import time

import pytest

from corral.cli.tty import DetachKeys, detach_bytes

LOCAL = termios.ECHO | termios.ICANON


@pytest.mark.parametrize(
    ("keys", "data"),
    [("ctrl-p,ctrl-q", b"\x10\x11"), ("a,b", b"ab"), ("ctrl-@,ctrl-[,ctrl-_", b"\0\x1b\x1f"), ("ctrl-A", b"\x01")],
)
def test_keys(keys: str, data: bytes) -> None:
    assert detach_bytes(keys) == data


@pytest.mark.parametrize("keys", ["ab", "ctrl-1", "ctrl-", "ctrl-ab", ""])
def test_what_is_no_key(keys: str) -> None:
    with pytest.raises(ValueError, match="Unknown character"):
        detach_bytes(keys)


def test_the_sequence_is_found_across_reads() -> None:
    keys = DetachKeys("")
    assert keys.feed(b"ls\r") == (b"ls\r", False)
    assert keys.feed(b"x\x10") == (b"x", False)
    assert keys.feed(b"\x11") == (b"", True)


def test_a_beginning_that_leads_nowhere_is_passed_on() -> None:
    keys = DetachKeys("ctrl-p,ctrl-p,ctrl-q")
    assert keys.feed(b"\x10") == (b"", False)
    assert keys.feed(b"a") == (b"\x10a", False)
    assert keys.feed(b"\x10\x10\x10") == (b"\x10", False)
    assert keys.feed(b"\x11") == (b"", True)


def test_what_came_before_the_sequence_in_one_read_is_passed_on() -> None:
    assert DetachKeys("a,b").feed(b"xyab") == (b"xy", True)


def test_keys_that_cannot_be_read_are_the_default() -> None:
    assert DetachKeys("nonsense").feed(b"\x10\x11") == (b"", True)


# -- raw mode, in a program of its own on a terminal of its own


def _read_until(fd: int, what: bytes) -> None:
    data = b""
    deadline = time.monotonic() + 20
    while what not in data:
        assert select.select([fd], [], [], max(0, deadline - time.monotonic()))[0], data
        data += os.read(fd, 4096)


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("pass", 0),
        ("raise RuntimeError('boom')", 1),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(20)", -signal.SIGTERM),
        ("os.kill(os.getpid(), signal.SIGHUP); time.sleep(20)", -signal.SIGHUP),
        ("os.kill(os.getpid(), signal.SIGINT); time.sleep(20)", -signal.SIGINT),
    ],
)
def test_the_terminal_is_given_back(ending: str, code: int) -> None:
    program = f"""
        import os, signal, sys, time
        from corral.cli.tty import raw_terminal
        with raw_terminal(0):
            os.write(1, b"raw")
            sys.stdin.read(1)
            {ending}
        """
    master, slave = pty.openpty()
    try:
        before = termios.tcgetattr(slave)
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            stdin=slave,
            stdout=slave,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        )
        _read_until(master, b"raw")
        assert not termios.tcgetattr(slave)[3] & LOCAL
        os.write(master, b"x")
        assert child.wait(timeout=20) == code
        assert termios.tcgetattr(slave) == before
    finally:
        os.close(master)
        os.close(slave)


# -- streams


def _streams(connection: socket.socket, arguments: str, **pipes: int) -> subprocess.Popen[bytes]:
    program = (
        "import socket, sys\nfrom corral.cli.attach import Streams\nfrom corral.cli.tty import DetachKeys\n"
        "from corral.client.api import Hijacked\n"
        f"sock = socket.socket(fileno={connection.fileno()})\n"
        f"sys.exit(9 if Streams(Hijacked(sock, b'', ''), {arguments}).run() else 0)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program],
        pass_fds=[connection.fileno()],
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        **pipes,
    )


def _frame(stream: int, data: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def test_output_is_split_and_input_half_closes() -> None:
    daemon, ours = socket.socketpair()
    with daemon, ours:
        pipe = subprocess.PIPE
        child = _streams(ours, "tty=False, stdin=True", stdin=pipe, stdout=pipe, stderr=pipe)
        ours.close()
        daemon.sendall(_frame(1, b"out") + _frame(2, b"err") + _frame(1, b"more"))
        assert child.stdin is not None
        child.stdin.write(b"x" * 200_000)
        child.stdin.close()
        received = b""
        while data := daemon.recv(65536):
            received += data
        assert received == b"x" * 200_000
        daemon.sendall(_frame(1, b"!"))  # output still flows after the end of the input
        daemon.close()
        child.stdin = None
        assert child.communicate(timeout=20) == (b"outmore!", b"err")
        assert child.returncode == 0


def test_a_terminals_output_is_passed_as_it_is_and_keys_detach() -> None:
    daemon, ours = socket.socketpair()
    with daemon, ours:
        child = _streams(
            ours, "tty=True, stdin=True, keys=DetachKeys('a,b')", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        ours.close()
        raw = _frame(1, b"not a frame")
        daemon.sendall(raw)
        assert child.stdin is not None and child.stdout is not None
        assert child.stdout.read(len(raw)) == raw
        child.stdin.write(b"xyab")
        child.stdin.flush()
        assert daemon.recv(16) == b"xy"
        assert child.wait(timeout=20) == 9
        child.stdin.close()
        child.stdout.close()


def test_input_waits_for_a_daemon_that_does_not_read() -> None:
    """Nothing is buffered without end: the writer of a fast pipe is held back."""
    daemon, ours = socket.socketpair()
    with daemon, ours:
        child = _streams(ours, "tty=False, stdin=True", stdin=subprocess.PIPE)
        ours.close()
        assert child.stdin is not None
        os.set_blocking(child.stdin.fileno(), False)
        written = 0
        quiet = 0
        while quiet < 10 and written < 64 << 20:
            try:
                written += os.write(child.stdin.fileno(), b"x" * 65536)
                quiet = 0
            except BlockingIOError:
                quiet += 1
                time.sleep(0.02)
        assert written < 4 << 20
        child.stdin.close()
        received = 0
        while data := daemon.recv(1 << 20):
            received += len(data)
        assert received == written
        daemon.close()
        assert child.wait(timeout=20) == 0


def test_a_reader_that_is_gone_ends_the_program_as_any_filter() -> None:
    daemon, ours = socket.socketpair()
    with daemon, ours:
        read, write = os.pipe()
        child = _streams(ours, "tty=True, stdin=False", stdout=write, stderr=subprocess.PIPE)
        ours.close()
        os.close(write)
        os.close(read)
        daemon.sendall(b"x" * 1000)
        assert child.stderr is not None
        assert child.wait(timeout=20) == -signal.SIGPIPE
        assert child.stderr.read() == b""
        child.stderr.close()
