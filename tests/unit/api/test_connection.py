"""Connections: keep-alive, bodies, streams, hijack, and clients that go away, seen from a raw client."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator

import pytest

from corral.api.server.http import connection
from corral.api.server.http.head import BadRequest
from corral.api.server.http.request import Request
from corral.api.server.http.response import HIJACKED, Response, Stream
from corral.api.server.http.server import HttpServer
from support.api_server import RawClient, serving


class Site:
    """A handler whose behaviour the path chooses."""

    def __init__(self) -> None:
        self.stream_ended = asyncio.Event()
        self.finished = asyncio.Event()
        self.go = asyncio.Event()
        self.hijacked: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()

    async def __call__(self, request: Request) -> Response:
        match request.path:
            case "/echo":
                return Response(200, await request.read(), "text/plain")
            case "/count":
                return Response(200, str(sum([len(part) async for part in request.stream()])).encode())
            case "/small":
                return Response(200, await request.read(limit=10))
            case "/ignore":
                return Response(200, b"ignored")
            case "/stream":
                return Stream(chunks=self._chunks())
            case "/late":
                return Stream(chunks=self._chunks(), flush=False)
            case "/slow":
                await self.go.wait()
                self.finished.set()
                return Response(200, b"done")
            case "/hijack":
                self.hijacked.set_result(await request.hijack(b"HTTP/1.1 101 UPGRADED\r\n\r\n"))
                return HIJACKED
            case "/flood":
                return Stream(chunks=self._flood())
            case "/lines":
                return Stream(chunks=self._lines())
            case "/bug":
                raise ValueError("a bug")
            case _:
                raise BadRequest("no such path", 404)

    async def _chunks(self) -> AsyncIterator[bytes]:
        try:
            yield b"one"
            await self.go.wait()
            yield b""
            yield b"two"
        finally:
            self.stream_ended.set()

    async def _lines(self) -> AsyncIterator[bytes]:
        for number in range(20_000):
            yield b"%d\n" % number
            if number % 5000 == 4999:
                await asyncio.sleep(0)

    async def _flood(self) -> AsyncIterator[bytes]:
        self.sent = 0
        while True:
            self.sent += 65536
            yield bytes(65536)


@contextlib.asynccontextmanager
async def site(tmp_path):
    handler = Site()
    server = HttpServer(handler, "Server: test\r\n")
    async with serving(server, tmp_path / "s") as path:
        client = await RawClient.connect(path)
        yield handler, server, client, path
        client.close()


async def test_requests_follow_each_other_on_one_connection(tmp_path):
    async with site(tmp_path) as (_, server, client, _):
        for text in (b"first", b"", b"third"):
            client.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))
            answer = await client.answer()
            assert (answer.status, answer.body, answer.headers["server"]) == (200, text, "test")
        assert len(server.connections) == 1


async def test_pipelined_requests_are_answered_in_order(tmp_path):
    async with site(tmp_path) as (_, _, client, _):
        client.send(b"".join(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n%d" % i for i in range(3)))
        assert [(await client.answer()).body for _ in range(3)] == [b"0", b"1", b"2"]


async def test_a_request_may_arrive_byte_by_byte(tmp_path):
    async with site(tmp_path) as (_, _, client, _):
        for byte in b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi":
            client.send(bytes([byte]))
            await client.writer.drain()
            await asyncio.sleep(0)
        assert (await client.answer()).body == b"hi"


async def test_chunked_bodies_are_read(tmp_path):
    async with site(tmp_path) as (_, _, client, _):
        client.send(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        assert (await client.answer()).body == b"abcde"


async def test_a_big_body_streams_through(tmp_path):
    async with site(tmp_path) as (_, _, client, _):
        size = 20_000_000
        client.send(b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        client.send(bytes(size))
        assert (await client.answer()).body == str(size).encode()


async def test_a_body_beyond_the_limit_is_refused(tmp_path):
    async with site(tmp_path) as (_, _, client, _):
        client.send(b"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world")
        assert (await client.answer()).status == 413


async def test_what_a_handler_left_of_a_body_is_not_the_next_request(tmp_path):
    async with site(tmp_path) as (_, _, client, _):
        client.send(b"POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 19\r\n\r\nGET /bug HTTP/1.1\r\n")
        client.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok")
        assert (await client.answer()).body == b"ignored"
        assert (await client.answer()).body == b"ok"


async def test_expect_continue_is_answered_when_the_body_is_wanted(tmp_path):
    async with site(tmp_path) as (_, _, client, _):
        client.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert (await client.head())[0] == 100
        client.send(b"hi")
        assert (await client.answer()).body == b"hi"


@pytest.mark.parametrize("rest", [b"Content-Length: x\r\n\r\n", b"bad header\r\n\r\n"])
async def test_a_bad_request_is_answered_and_the_connection_closed(tmp_path, rest):
    async with site(tmp_path) as (_, _, client, _):
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n" + rest)
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert await client.closed()


async def test_an_endless_head_is_refused(tmp_path):
    async with site(tmp_path) as (_, _, client, _):
        client.send(b"GET / HTTP/1.1\r\nA: " + b"a" * 300_000)
        assert (await client.answer()).status == 431


async def test_connection_close_is_honoured(tmp_path):
    async with site(tmp_path) as (_, _, client, _):
        client.send(b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await client.answer()).headers["connection"] == "close"
        assert await client.closed()


async def test_the_head_of_a_stream_comes_at_once(tmp_path):
    async with site(tmp_path) as (handler, _, client, _):
        client.send(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        status, headers = await client.head()
        assert (status, headers["transfer-encoding"]) == (200, "chunked")
        assert await client.chunk() == b"one"
        handler.go.set()
        assert await client.chunk() == b"two"
        assert await client.chunk() == b""
        client.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok")
        assert (await client.answer()).body == b"ok"


async def test_many_small_parts_are_few_chunks(tmp_path):
    async with site(tmp_path) as (_, _, client, _):
        client.send(b"GET /lines HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.head()
        chunks = []
        while chunk := await client.chunk():
            chunks.append(chunk)
        assert b"".join(chunks) == b"".join(b"%d\n" % number for number in range(20_000))
        assert len(chunks) <= 10


async def test_an_http_1_0_client_gets_a_stream_without_chunks(tmp_path):
    async with site(tmp_path) as (handler, _, client, _):
        handler.go.set()
        client.send(b"GET /stream HTTP/1.0\r\n\r\n")
        _, headers = await client.head()
        assert "transfer-encoding" not in headers
        assert await client.reader.read() == b"onetwo"


async def test_a_stream_ends_when_its_client_goes_away(tmp_path):
    async with site(tmp_path) as (handler, server, client, _):
        client.send(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.head()
        client.close()
        await asyncio.wait_for(handler.stream_ended.wait(), 5)
        await _until(lambda: not server.connections)


async def test_an_operation_ends_although_its_client_goes_away(tmp_path):
    async with site(tmp_path) as (handler, server, client, _):
        client.send(b"POST /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await _until(lambda: any(connection.task for connection in server.connections))
        client.close()
        handler.go.set()
        await asyncio.wait_for(handler.finished.wait(), 5)
        await _until(lambda: not server.connections)


async def test_a_client_that_does_not_read_stops_the_stream_not_the_memory(tmp_path):
    async with site(tmp_path) as (handler, _, client, _):
        client.writer.transport.pause_reading()
        client.send(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
        await _until(lambda: getattr(handler, "sent", 0) > 200_000)
        before = -1
        while handler.sent != before:
            before = handler.sent
            await asyncio.sleep(0.05)
        assert handler.sent < 3_000_000


async def test_a_fault_of_the_program_closes_the_connection(tmp_path, caplog):
    async with site(tmp_path) as (_, _, client, _):
        client.send(b"GET /bug HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await client.closed()
        assert "a bug" in caplog.text


async def test_hijack_gives_the_socket_and_what_was_sent_beyond_the_request(tmp_path):
    async with site(tmp_path) as (handler, server, client, _):
        client.send(b"POST /hijack HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}early")
        assert (await client.head())[0] == 101
        fd, early = await handler.hijacked
        assert early == b"early"
        assert not server.connections
        with socket.socket(fileno=fd) as sock:
            sock.setblocking(True)
            await asyncio.to_thread(sock.sendall, b"from the container")
            assert await client.reader.readexactly(18) == b"from the container"
            client.send(b"to the container")
            assert await asyncio.to_thread(sock.recv, 100) == b"to the container"
            client.writer.write_eof()
            assert await asyncio.to_thread(sock.recv, 100) == b""
            await asyncio.to_thread(sock.sendall, b"still here")
        assert await client.reader.read() == b"still here"


async def test_a_client_that_has_already_half_closed_can_be_hijacked(tmp_path):
    async with site(tmp_path) as (handler, _, client, _):
        client.send(b"POST /hijack HTTP/1.1\r\nHost: x\r\n\r\nall of stdin")
        client.writer.write_eof()
        fd, early = await asyncio.wait_for(asyncio.shield(handler.hijacked), 5)
        try:
            rest = b""
            os.set_blocking(fd, True)
            while part := await asyncio.to_thread(os.read, fd, 100):
                rest += part
            assert early + rest == b"all of stdin"
        finally:
            os.close(fd)


async def test_shutdown_lets_requests_finish_and_ends_streams(tmp_path):
    async with site(tmp_path) as (handler, server, client, path):
        other = await RawClient.connect(path)
        other.send(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        await other.head()
        client.send(b"POST /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await _until(lambda: sum(connection.task is not None for connection in server.connections) == 2)
        server.stop_accepting()
        with pytest.raises(OSError):
            await RawClient.connect(path)
        asyncio.get_running_loop().call_later(0.05, handler.go.set)
        await server.finish(5)
        assert handler.stream_ended.is_set()
        assert (await client.answer()).body == b"done"
        other.close()


async def _until(condition):
    deadline = asyncio.get_running_loop().time() + 5
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "did not happen within 5 s"
        await asyncio.sleep(0.002)


async def test_a_head_that_never_ends_is_refused_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "_HEAD_PATIENCE", 0.05)
    async with site(tmp_path) as (_, _, client, _):
        client.send(b"GET /ignore HTTP/1.1\r\nHost: x\r\n")
        assert (await client.answer()).status == 408


async def test_a_connection_without_a_request_may_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "_HEAD_PATIENCE", 0.05)
    async with site(tmp_path) as (_, _, client, _):
        await asyncio.sleep(0.1)
        client.send(b"GET /ignore HTTP/1.1\r\nHost: x\r\n")
        client.send(b"\r\n")
        assert (await client.answer()).status == 200
        await asyncio.sleep(0.1)
        client.send(b"GET /ignore HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.answer()).status == 200
