"""Messages: there and back, large ones, malformed ones."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.errors import Conflict, CorralError, Internal, Invalid, NotFound
from corral.oci.runtime import ConsoleSize
from corral.runtime.driver import (
    Attachment,
    ContainerState,
    ExecState,
    Exit,
    LogFile,
    StartError,
    Status,
    Stdio,
)
from corral.runtime.supervisor import protocol

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other:
        yield one, other


def test_message_with_descriptors(pair: Pair) -> None:
    read, write = os.pipe()
    protocol.send(pair[0], {"n": 1, "op": "x"}, [read])
    received = protocol.receive(pair[1])
    assert received is not None
    message, (fd,) = received
    assert message == {"n": 1, "op": "x"}
    os.write(write, b"through")
    assert os.read(fd, 10) == b"through"
    assert not os.get_inheritable(fd)
    for number in (read, write, fd):
        os.close(number)


@pytest.mark.parametrize("size", [protocol.INLINE - 100, protocol.INLINE + 1, 5_000_000])
def test_message_of_any_size(pair: Pair, size: int) -> None:
    read, write = os.pipe()
    protocol.send(pair[0], {"text": "x" * size}, [read])
    received = protocol.receive(pair[1])
    assert received is not None
    assert len(received[0]["text"]) == size
    assert len(received[1]) == 1
    for fd in (read, write, *received[1]):
        os.close(fd)


def test_end_of_the_connection(pair: Pair) -> None:
    pair[0].close()
    assert protocol.receive(pair[1]) is None


@pytest.mark.parametrize("payload", [b"{", b"[]", b"\xff", b"@", b"1", b"[" * 20_000])
def test_malformed_message_is_refused_and_leaks_nothing(pair: Pair, payload: bytes) -> None:
    before = len(os.listdir("/proc/self/fd"))
    read, write = os.pipe()
    socket.send_fds(pair[0], [payload], [read] if payload != b"@" else [])
    with pytest.raises(Invalid):
        protocol.receive(pair[1])
    os.close(read)
    os.close(write)
    assert len(os.listdir("/proc/self/fd")) == before


def test_packet_that_is_too_long_is_an_error_and_not_half_a_message(pair: Pair) -> None:
    pair[0].send(b'"' + b"x" * 70_000 + b'"')
    with pytest.raises((OSError, Invalid)):
        protocol.receive(pair[1])


def test_field_errors_name_the_field() -> None:
    for take, value in ((protocol.text, 1), (protocol.number, "1"), (protocol.number, True), (protocol.mapping, [])):
        with pytest.raises(Invalid, match=r"size: .* expected"):
            take({"size": value}, "size")


@pytest.mark.parametrize(
    "stdio",
    [
        Stdio(),
        Stdio(terminal=True, open_stdin=True, console_size=ConsoleSize(24, 80)),
        Stdio(stdin_once=True, log=LogFile("/var/log/x", 10_000_000, 3, True)),
    ],
)
def test_stdio_there_and_back(stdio: Stdio) -> None:
    assert protocol.decode_stdio(protocol.encode_stdio(stdio)) == stdio


@pytest.mark.parametrize("code", [0, 137, None])
def test_state_there_and_back(code: int | None) -> None:
    exit = Exit(code, 5, oom_killed=True)
    execs = (ExecState("e", 3, 4), ExecState("f", 5, 6, exit))
    state = ContainerState("a" * 64, 7, Status.STOPPED, 8, exit, execs)
    assert protocol.decode_state(protocol.encode_state(state)) == state


@given(st.binary(), st.binary())
def test_attachments_there_and_back(keys: bytes, initial: bytes) -> None:
    attachment = Attachment(9, True, False, True, keys, initial)
    assert protocol.decode_attachments(protocol.encode_attachments([attachment]), [9]) == (attachment,)


@pytest.mark.parametrize("data", [None, {}, [], [1], [{}], [{"detachKeys": "ä€", "initialInput": ""}]])
def test_malformed_attachments_are_refused(data: object) -> None:
    with pytest.raises(Invalid):
        protocol.decode_attachments(data, [9])


@pytest.mark.parametrize(
    "error", [NotFound("a"), Conflict("b"), Invalid("c"), StartError("d", 127), Internal("e")], ids=lambda e: e.kind
)
def test_errors_there_and_back(error: CorralError) -> None:
    decoded = protocol.decode_error(protocol.encode_error(error))
    assert type(decoded) is type(error)
    assert decoded.message == error.message
    assert getattr(decoded, "exit_code", None) == getattr(error, "exit_code", None)


def test_unexpected_error_becomes_an_internal_one() -> None:
    assert protocol.decode_error(protocol.encode_error(KeyError("x"))).message == "KeyError: 'x'"
