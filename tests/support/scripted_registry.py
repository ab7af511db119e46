"""A registry that says what a test wants: whole, broken, slow or hostile answers. In the loop of the test."""

from __future__ import annotations

import asyncio
import contextlib
import http
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_HELLO = b"\x16"
"""How TLS begins, which is not spoken here."""


@dataclass(frozen=True)
class Seen:
    """A request that came. Names of ``headers`` are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)


@dataclass(frozen=True)
class Say:
    """An answer. ``cut``: so many bytes of the body, then the connection breaks. ``drip``: seconds after each byte.
    ``raw``: instead of everything else. ``length``: what Content-Length claims."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    drip: float = 0
    raw: bytes | None = None
    length: int | None = None
    silent: bool = False
    after: asyncio.Event | None = None
    """Nothing is said before it is set."""


def error(status: int, code: str, message: str = "", headers: Mapping[str, str] | None = None) -> Say:
    body = json.dumps({"errors": [{"code": code, "message": message, "detail": {"a": 1}}]}).encode()
    return Say(status, body, {"Content-Type": "application/json", **(headers or {})})


def say_json(value: Any, **headers: str) -> Say:
    return Say(200, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


Answerer = Callable[[Seen], Say]


class ScriptedRegistry:
    """What was not scripted is answered with 404 and NAME_UNKNOWN; ``/v2/`` with 200."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self.port = 0
        self._script: list[tuple[str, re.Pattern[str], list[Say | Answerer]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def on(self, method: str, path: str, *answers: Say | Answerer) -> None:
        """``path``: a regular expression for the whole of it. Answers are given in turn, the last one for ever."""
        self._script.insert(0, (method, re.compile(path), list(answers)))

    def requests(self, method: str, path: str = ".*") -> list[Seen]:
        return [one for one in self.seen if one.method == method and re.fullmatch(path, one.path)]

    def _answer(self, seen: Seen) -> Say:
        for method, path, answers in self._script:
            if method in {seen.method, "*"} and path.fullmatch(seen.path):
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                return answer(seen) if callable(answer) else answer
        if seen.path == "/v2/":
            return Say(200, b"{}")
        return error(404, "NAME_UNKNOWN", "repository name not known to registry")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = await reader.readexactly(1)
        if first == _HELLO:
            return False
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await self._body(reader, headers)
        seen = Seen(method, target, headers, body)
        self.seen.append(seen)
        answer = self._answer(seen)
        if answer.silent:
            await asyncio.sleep(3600)
        if answer.after is not None:
            await answer.after.wait()
        if answer.raw is not None:
            writer.write(answer.raw)
            await writer.drain()
            return False
        length = len(answer.body) if answer.length is None else answer.length
        reason = http.HTTPStatus(answer.status).phrase if answer.status in iter(http.HTTPStatus) else "Strange"
        lines = [f"HTTP/1.1 {answer.status} {reason}", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items() if name.lower() != "content-length"]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        if method == "HEAD":
            await writer.drain()
            return True
        content = answer.body if answer.cut is None else answer.body[: answer.cut]
        if answer.drip:
            for byte in content:
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep(answer.drip)
        else:
            writer.write(content)
        await writer.drain()
        if answer.cut is not None:
            writer.close()
            return False
        return True

    async def _body(self, reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            pieces = []
            while size := int(await reader.readline(), 16):
                pieces.append(await reader.readexactly(size))
                await reader.readexactly(2)
            await reader.readline()
            return b"".join(pieces)
        return await reader.readexactly(int(headers.get("content-length", "0")))

    @contextlib.asynccontextmanager
    async def running(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedRegistry]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
