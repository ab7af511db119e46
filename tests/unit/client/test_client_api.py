"""Negotiation, errors, kept connections and hijacking against a daemon made of canned answers."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.client import ApiError, Client, ConnectionFailed
from corral.client.address import parse_address
from corral.client.api import Api
from corral.client.errors import BadAddress
from corral.client.query import filters, query, quote
from corral.client.streams import Demultiplexer


class Daemon:
    """Answers by path; records the requests' first lines and how many connections there were."""

    def __init__(self, path: Path) -> None:
        self.answers: dict[str, bytes] = {}
        self.version = b"1.51"
        self.requests: list[str] = []
        self.connections = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(16)
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve_quietly, args=(connection,), daemon=True).start()

    def _serve_quietly(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the test may be over
            self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                block = connection.recv(65536)
                if not block:
                    return
                data += block
            head, _, data = data.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            length = next((int(line[16:]) for line in lines if line.lower().startswith("content-length: ")), 0)
            while len(data) < length:
                data += connection.recv(65536)
            data = data[length:]
            method, target, _ = lines[0].split(" ")
            self.requests.append(f"{method} {target}")
            if target == "/_ping":
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nApi-Version: " + self.version + b"\r\nContent-Length: 0\r\n\r\n"
                )
                continue
            connection.sendall(self.answers.get(target.split("?")[0], _json(404, {"message": "page not found"})))

    def drop_connections(self) -> None:
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()


def _json(status: int, value: object) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        status,
        len(body),
        body,
    )


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path / "d.sock")
    yield made
    made.close()


@pytest.fixture
def client(daemon: Daemon, tmp_path: Path) -> Iterator[Client]:
    with Client(f"unix://{tmp_path}/d.sock") as made:
        yield made


@pytest.mark.parametrize(
    ("offered", "spoken"), [(b"1.51", "1.51"), (b"1.99", "1.51"), (b"1.41", "1.41"), (b"2.0", "1.51"), (b"", "1.24")]
)
def test_the_newest_common_version_is_spoken(daemon: Daemon, client: Client, offered: bytes, spoken: str) -> None:
    daemon.version = offered
    assert client.api.version == spoken


def test_a_given_version_is_not_negotiated(daemon: Daemon, tmp_path: Path) -> None:
    daemon.answers["/v1.45/version"] = _json(200, {"Version": "1"})
    Client(f"unix://{tmp_path}/d.sock", version="1.45").system.version()
    assert daemon.requests == ["GET /v1.45/version"]


def test_one_connection_serves_many_requests(daemon: Daemon, client: Client) -> None:
    daemon.answers["/v1.51/containers/json"] = _json(200, [])
    for _ in range(5):
        assert client.containers.list() == []
    assert daemon.connections == 1


def test_a_connection_that_the_daemon_closed_is_replaced(daemon: Daemon, client: Client) -> None:
    daemon.answers["/v1.51/containers/json"] = _json(200, [])
    client.containers.list()
    daemon.drop_connections()
    assert client.containers.list() == []


def test_errors_carry_status_and_the_daemons_words(daemon: Daemon, client: Client) -> None:
    daemon.answers["/v1.51/containers/x/json"] = _json(404, {"message": "No such container: x"})
    with pytest.raises(ApiError) as caught:
        client.containers.inspect("x")
    assert (caught.value.status, caught.value.message) == (404, "No such container: x")
    assert str(caught.value) == "Error response from daemon: No such container: x"


def test_an_error_without_json_is_still_an_error(daemon: Daemon, client: Client) -> None:
    daemon.answers["/v1.51/info"] = b"HTTP/1.1 502 X\r\nContent-Length: 11\r\n\r\nbad gateway"
    with pytest.raises(ApiError, match="bad gateway"):
        client.system.info()


def test_names_cannot_leave_their_place_in_the_path(daemon: Daemon, client: Client) -> None:
    with pytest.raises(ApiError):
        client.containers.inspect("a/../b?c=d")
    assert daemon.requests[-1] == "GET /v1.51/containers/a%2F..%2Fb%3Fc%3Dd/json"


def test_progress_arrives_object_by_object(daemon: Daemon, client: Client) -> None:
    parts = [b'{"status":"a"}\r\n{"sta', 'tus":"é"}\n'.encode(), b'{"error":"x"}']
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    daemon.answers["/v1.51/images/create"] = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    )
    assert list(client.images.pull("a", "b")) == [{"status": "a"}, {"status": "é"}, {"error": "x"}]


def test_hijacking_takes_a_connection_of_its_own(daemon: Daemon, client: Client) -> None:
    daemon.answers["/v1.51/containers/x/attach"] = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: t\r\n\r\nearly"
    hijacked = client.containers.attach("x", stdin=True)
    assert hijacked.media_type == "t"
    while hijacked.early != b"early":
        hijacked.early += hijacked.sock.recv(16)
    assert daemon.requests[-1] == "POST /v1.51/containers/x/attach?stream=1&stdin=1&stdout=1&stderr=1"
    hijacked.sock.close()


def test_nobody_listening_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="Is the corral daemon running") as caught:
        Client(f"unix://{tmp_path}/absent").system.info()
    assert caught.value.absent
    (tmp_path / "file").touch()
    with pytest.raises(ConnectionFailed) as caught:
        Client(f"unix://{tmp_path}/file").system.info()
    assert caught.value.absent


def test_many_requests_are_on_their_way_at_once(daemon: Daemon, client: Client) -> None:
    for name in "abc":
        daemon.answers[f"/v1.51/containers/{name}/stop"] = b"HTTP/1.1 204 X\r\n\r\n"
    pending = [client.containers.begin_stop(name, timeout=0) for name in "abc"]
    assert [one.finish() for one in pending] == [b"", b"", b""]
    assert sorted(daemon.requests)[1:] == [f"POST /v1.51/containers/{name}/stop?t=0" for name in "abc"]


# -- the parts


@pytest.mark.parametrize(
    ("text", "scheme", "place"),
    [
        ("unix:///x/y.sock", "unix", ("", 0, "/x/y.sock")),
        ("unix://", "unix", ("", 0, "/run/corral.sock")),
        ("", "unix", ("", 0, "/run/corral.sock")),
        ("tcp://h:1", "tcp", ("h", 1, "")),
        ("tcp://h", "tcp", ("h", 2375, "")),
        ("tcp://:77/base/", "tcp", ("localhost", 77, "/base")),
        ("tcp://[::1]:5", "tcp", ("::1", 5, "")),
        ("h:1", "tcp", ("h", 1, "")),
        ("https://h", "tls", ("h", 2376, "")),
        ("ssh://u@h:22/run/x.sock", "ssh", ("h", 22, "/run/x.sock")),
    ],
)
def test_addresses(text: str, scheme: str, place: tuple[str, int, str]) -> None:
    address = parse_address(text)
    assert (address.scheme, (address.host, address.port, address.path)) == (scheme, place)


def test_tls_moves_the_default_port() -> None:
    address = parse_address("tcp://h", tls=True)
    assert (address.scheme, address.port) == ("tls", 2376)


@pytest.mark.parametrize("text", ["foo://x", "tcp://h:x", "tcp://h:99999", "tcp://[::1", "tcp://a:b:c"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadAddress, match="invalid bind address format"):
        parse_address(text)


def test_queries_leave_out_what_says_nothing() -> None:
    assert query(a=True, b=False, c=None, d="", e="x y", f=0, g=["1", "2"]) == "?a=1&e=x%20y&f=0&g=1&g=2"
    assert query(a=None) == ""


def test_filters_are_json_maps() -> None:
    assert filters({"label": ["a=b", "c"]}) == '{"label":{"a=b":true,"c":true}}'
    assert filters({}) is None


def test_quoting_keeps_only_the_unreserved() -> None:
    assert quote("a/b:c é~") == "a%2Fb%3Ac%20%C3%A9~"
    assert quote("a/b:c@d", b"/:@") == "a/b:c@d"


@pytest.mark.parametrize("step", [1, 3, 8, 9, 1000])
def test_frames_are_split_by_stream_whatever_their_pieces(step: int) -> None:
    def frame(stream: int, data: bytes) -> bytes:
        return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data

    data = frame(1, b"one") + frame(1, b"two") + frame(2, b"err") + frame(1, b"") + frame(1, b"x" * 500)
    demultiplexer = Demultiplexer()
    streams = {1: b"", 2: b""}
    for at in range(0, len(data), step):
        for stream, piece in demultiplexer.feed(data[at : at + step]):
            streams[stream] += piece
    assert streams == {1: b"onetwo" + b"x" * 500, 2: b"err"}


def test_neighbouring_frames_become_one_piece() -> None:
    frame = b"\x01\0\0\0\0\0\0\x05line\n"
    assert Demultiplexer().feed(frame * 100) == [(1, b"line\n" * 100)]


def test_api_refuses_unknown_schemes() -> None:
    with pytest.raises(BadAddress):
        Api("gopher://x")
