"""Small fakes of the engine's services, and a raw client, for tests of the API server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Iterable
from pathlib import Path
from typing import Any

from corral.api.server.app import App
from corral.api.server.http.request import Upgrade
from corral.api.server.http.server import HttpServer
from corral.api.server.router import Route
from corral.api.types.container import (
    AttachOptions,
    ContainerCreateRequest,
    ContainerCreateResponse,
    ContainerInspect,
    ContainerSummary,
    LogsOptions,
    TopResponse,
    UpdateRequest,
    UpdateResponse,
    WaitResponse,
)
from corral.errors import Conflict, NotFound, NotModified


class Answer:
    """A response as the client saw it."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json()["message"])


class RawClient:
    """One connection, with nothing between the test and the bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, path: Path) -> RawClient:
        return cls(*await asyncio.open_unix_connection(str(path)))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> tuple[int, dict[str, str]]:
        raw = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        first, *lines = raw.decode().split("\r\n")[:-2]
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(first.split(" ")[1]), headers

    async def answer(self, has_body: bool = True) -> Answer:
        status, headers = await self.head()
        body = b""
        if has_body:
            if headers.get("transfer-encoding") == "chunked":
                while chunk := await self.chunk():
                    body += chunk
            else:
                body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(status, headers, body)

    async def chunk(self) -> bytes:
        size = int(await asyncio.wait_for(self.reader.readline(), 5), 16)
        data = await self.reader.readexactly(size)
        assert await self.reader.readline() == b"\r\n"
        return data

    async def ask(self, method: str, target: str, body: object = None, headers: str = "") -> Answer:
        data = b"" if body is None else json.dumps(body).encode()
        kind = "" if body is None else "Content-Type: application/json\r\n"
        self.send(
            f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n{kind}{headers}\r\n".encode()
            + data
        )
        return await self.answer(has_body=method != "HEAD")

    async def closed(self) -> bool:
        """Waits for the server to close its side."""
        return await asyncio.wait_for(self.reader.read(), 5) == b""

    def close(self) -> None:
        self.writer.close()


@contextlib.asynccontextmanager
async def serving(server: HttpServer, path: Path) -> AsyncIterator[Path]:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen(64)
    await server.listen(sock)
    try:
        yield path
    finally:
        server.stop_accepting()
        await server.finish(1)


@contextlib.asynccontextmanager
async def client_of(routes: Iterable[Route], directory: Path) -> AsyncIterator[RawClient]:
    """A client of an App with these routes."""
    async with serving(App(routes), directory / "api.sock") as path:
        client = await RawClient.connect(path)
        try:
            yield client
        finally:
            client.close()


class FakeLogs:
    def __init__(self, tty: bool, chunks: AsyncIterator[tuple[int, bytes]]) -> None:
        self.tty = tty
        self.chunks = chunks


class FakeContainers:
    """Knows one container, "web", and writes down what was asked of it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.exited: asyncio.Future[WaitResponse] | None = None
        self.attached: tuple[int, bytes] | None = None
        self.log: list[tuple[int, bytes]] = [(1, b"out\n"), (2, b"err\n")]
        self.tty = False
        self.cancelled = False

    def _find(self, ref: str) -> None:
        if ref != "web":
            raise NotFound(f"No such container: {ref}", code="no_such_container")

    async def create(
        self, name: str | None, request: ContainerCreateRequest, platform: str | None
    ) -> ContainerCreateResponse:
        self.calls.append(("create", name, request, platform))
        if name == "web":
            raise Conflict('Conflict. The container name "/web" is already in use')
        return ContainerCreateResponse(id="1" * 64)

    async def start(self, ref: str, detach_keys: str | None = None) -> None:
        self._find(ref)
        if ("start", ref) in self.calls:
            raise NotModified("already started")
        self.calls.append(("start", ref))

    async def stop(self, ref: str, timeout: int | None, signal: str | None) -> None:
        self.calls.append(("stop", ref, timeout, signal))

    async def restart(self, ref: str, timeout: int | None, signal: str | None) -> None:
        self.calls.append(("restart", ref, timeout, signal))

    async def kill(self, ref: str, signal: str) -> None:
        self.calls.append(("kill", ref, signal))

    async def pause(self, ref: str) -> None:
        raise RuntimeError("a bug")

    async def unpause(self, ref: str) -> None:
        self.calls.append(("unpause", ref))

    async def rename(self, ref: str, name: str) -> None:
        self.calls.append(("rename", ref, name))

    async def update(self, ref: str, request: UpdateRequest) -> UpdateResponse:
        self.calls.append(("update", ref, request))
        return UpdateResponse()

    async def remove(self, ref: str, *, force: bool, volumes: bool, link: bool) -> None:
        self.calls.append(("remove", ref, force, volumes, link))

    async def top(self, ref: str, ps_args: str) -> TopResponse:
        return TopResponse(titles=[ps_args])

    async def inspect(self, ref: str, size: bool) -> ContainerInspect:
        self._find(ref)
        return ContainerInspect(id="1" * 64, name="/web")

    async def attach(self, ref: str, options: AttachOptions, upgrade: Upgrade) -> None:
        self._find(ref)
        self.calls.append(("attach", options))
        self.attached = await upgrade(not self.tty)

    async def logs(self, ref: str, options: LogsOptions) -> FakeLogs:
        self._find(ref)
        self.calls.append(("logs", options))
        return FakeLogs(self.tty, self._log(options.follow))

    async def _log(self, follow: bool) -> AsyncIterator[tuple[int, bytes]]:
        for line in self.log:
            yield line
        try:
            if follow:
                await asyncio.Event().wait()
        finally:
            self.cancelled = follow

    async def wait(self, ref: str, condition: str) -> Awaitable[WaitResponse]:
        self._find(ref)
        self.exited = asyncio.get_running_loop().create_future()
        return self.exited

    async def resize(self, ref: str, height: int, width: int) -> None:
        self.calls.append(("resize", ref, height, width))

    async def list(self, all: bool, limit: int, size: bool, filters: dict[str, list[str]]) -> list[ContainerSummary]:
        self.calls.append(("list", all, limit, size, filters))
        return [ContainerSummary(id="1" * 64, names=["/web"])]
