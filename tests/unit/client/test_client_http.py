"""Answers in every framing, read from a socket that delivers them in pieces of any size."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from corral.client.errors import ProtocolError
from corral.client.http import Connection, Response, file_blocks


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    ours, theirs = socket.socketpair()
    connection = Connection(ours)
    yield connection, theirs
    connection.close()
    theirs.close()


def _answer(pair: tuple[Connection, socket.socket], data: bytes, step: int = 1 << 20, method: str = "GET") -> Response:
    """The response to ``data``, which arrives ``step`` bytes at a time; then the peer closes."""
    connection, peer = pair

    def deliver() -> None:
        with contextlib.suppress(OSError):  # the test may be over
            for at in range(0, len(data), step):
                peer.sendall(data[at : at + step])
            peer.shutdown(socket.SHUT_WR)

    threading.Thread(target=deliver, daemon=True).start()
    return connection.receive(method)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1 << 20])
def test_chunked_body_in_pieces(pair: tuple[Connection, socket.socket], step: int) -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    data += b"5\r\nhello\r\n1;x=y\r\n \r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"
    response = _answer(pair, data, step)
    assert response.read() == b"hello 0123456789"
    assert response.reusable


@pytest.mark.parametrize("step", [1, 5, 1 << 20])
def test_sized_body_leaves_what_follows(pair: tuple[Connection, socket.socket], step: int) -> None:
    response = _answer(pair, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 204 No Content\r\n\r\n", step)
    assert response.read() == b"abc"
    following = response.connection.receive("DELETE")
    assert (following.status, following.read(), following.reusable) == (204, b"", True)


def test_body_until_close_cannot_be_followed(pair: tuple[Connection, socket.socket]) -> None:
    response = _answer(pair, b"HTTP/1.0 200 OK\r\n\r\nall of it")
    assert response.read() == b"all of it"
    assert not response.reusable


def test_connection_close_is_respected(pair: tuple[Connection, socket.socket]) -> None:
    response = _answer(pair, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    response.read()
    assert not response.reusable


def test_head_has_no_body_whatever_its_length_says(pair: tuple[Connection, socket.socket]) -> None:
    assert _answer(pair, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", method="HEAD").read() == b""


def test_interim_answers_are_skipped(pair: tuple[Connection, socket.socket]) -> None:
    response = _answer(pair, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    assert response.status == 201


def test_upgrade_hands_over_what_came_with_the_head(pair: tuple[Connection, socket.socket]) -> None:
    response = _answer(pair, b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nfirst bytes")
    assert (response.status, response.connection.take()) == (101, b"first bytes")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"X" * (2 << 20),
    ],
)
def test_what_is_not_http_is_a_protocol_error(pair: tuple[Connection, socket.socket], data: bytes) -> None:
    with pytest.raises(ProtocolError):
        _answer(pair, data)


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 9\r\n\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_a_body_that_ends_early_is_a_protocol_error(pair: tuple[Connection, socket.socket], rest: bytes) -> None:
    response = _answer(pair, b"HTTP/1.1 200 OK\r\n" + rest)
    with pytest.raises(ProtocolError):
        response.read()


def test_small_chunks_are_joined(pair: tuple[Connection, socket.socket]) -> None:
    """A thousand log lines in a thousand chunks must not be a thousand writes."""
    chunks = b"".join(b"5\r\nline\n\r\n" for _ in range(1000))
    response = _answer(pair, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    pieces = list(response.blocks())
    assert b"".join(pieces) == b"line\n" * 1000
    assert len(pieces) < 100


def test_requests_are_framed_by_their_body(pair: tuple[Connection, socket.socket]) -> None:
    connection, peer = pair
    connection.send("POST", "/a", {"Host": "x"})
    connection.send("POST", "/b", {"Host": "x"}, b"body")
    connection.send("POST", "/c", {"Host": "x"}, iter([b"one", b"", b"two"]))
    connection.sock.shutdown(socket.SHUT_WR)
    sent = b""
    while data := peer.recv(4096):
        sent += data
    assert sent == (
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
        b"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    )


def test_a_file_is_read_in_blocks(tmp_path: object) -> None:
    with open(f"{tmp_path}/f", "wb+") as file:
        file.write(b"x" * 300_000)
        file.seek(0)
        assert sum(map(len, file_blocks(file.fileno()))) == 300_000
