"""Containers' streams: attach, logs, wait, and the size of the terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Protocol

from corral.api.server.errors import error_message
from corral.api.server.http.request import Request, Upgrade
from corral.api.server.http.response import HIJACKED, Response
from corral.api.server.query import boolean, timestamp
from corral.api.server.router import Route
from corral.api.server.streams import json_lines, log_stream, upgrader
from corral.api.types.container import AttachOptions, LogsOptions, WaitError, WaitResponse
from corral.errors import CorralError, Invalid

__all__ = ["ContainerIORouter", "ContainerStreams", "LogStream", "window_size"]

_CONDITIONS = ("not-running", "next-exit", "removed")


class LogStream(Protocol):
    """``chunks``: (1 for stdout or 2 for stderr, bytes); raw, as a terminal had it, if ``tty``."""

    @property
    def tty(self) -> bool: ...
    @property
    def chunks(self) -> AsyncIterator[tuple[int, bytes]]: ...


class ContainerStreams(Protocol):
    async def attach(self, ref: str, options: AttachOptions, upgrade: Upgrade) -> None:
        """Checks everything first, then calls ``upgrade`` and gives the socket to the runtime."""
        ...

    async def logs(self, ref: str, options: LogsOptions) -> LogStream: ...

    async def wait(self, ref: str, condition: str) -> Awaitable[WaitResponse]:
        """Raises NotFound at once; the inner awaitable takes as long as the container does."""
        ...

    async def resize(self, ref: str, height: int, width: int) -> None: ...


class ContainerIORouter:
    def __init__(self, containers: ContainerStreams) -> None:
        self._containers = containers

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/containers/{id}/attach", self.attach),
            Route("GET", "/containers/{id}/logs", self.logs),
            Route("POST", "/containers/{id}/wait", self.wait),
            Route("POST", "/containers/{id}/resize", self.resize),
        )

    async def attach(self, request: Request) -> Response:
        options = AttachOptions(
            stream=boolean(request, "stream"),
            stdin=boolean(request, "stdin"),
            stdout=boolean(request, "stdout"),
            stderr=boolean(request, "stderr"),
            logs=boolean(request, "logs"),
            detach_keys=request.query.get("detachKeys") or None,
        )
        await self._containers.attach(request.parameters["id"], options, upgrader(request))
        return HIJACKED

    async def logs(self, request: Request) -> Response:
        options = LogsOptions(
            stdout=boolean(request, "stdout"),
            stderr=boolean(request, "stderr"),
            follow=boolean(request, "follow"),
            timestamps=boolean(request, "timestamps"),
            details=boolean(request, "details"),
            since=timestamp(request, "since"),
            until=timestamp(request, "until"),
            tail=_tail(request.query.get("tail", "all")),
        )
        if not (options.stdout or options.stderr):
            raise Invalid("Bad parameters: you must choose at least one stream")
        stream = await self._containers.logs(request.parameters["id"], options)
        return log_stream(request, stream.chunks, stream.tty)

    async def wait(self, request: Request) -> Response:
        condition = request.query.get("condition") or "not-running"
        if condition not in _CONDITIONS:
            raise Invalid(f'invalid condition: "{condition}"')
        ended = await self._containers.wait(request.parameters["id"], condition)
        return json_lines(_result(ended))

    async def resize(self, request: Request) -> Response:
        height, width = window_size(request)
        await self._containers.resize(request.parameters["id"], height, width)
        return Response(200)


async def _result(ended: Awaitable[WaitResponse]) -> AsyncIterator[object]:
    """The docker CLI needs the head of the answer before it starts the container; an error must be in the body then."""
    try:
        yield await ended
    except CorralError as error:
        yield WaitResponse(status_code=-1, error=WaitError(message=error_message(error)))


def _tail(value: str) -> int | None:
    """How many lines; None for all, which is also what anything that is not a number means to Docker."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None


def window_size(request: Request) -> tuple[int, int]:
    """Height and width of a terminal. Raises Invalid."""
    size = []
    for name, word in (("h", "height"), ("w", "width")):
        value = request.query.get(name, "")
        if not (value.isascii() and value.isdigit()):
            raise Invalid(f'invalid resize {word} "{value}": invalid syntax')
        if int(value) > 0xFFFF:
            raise Invalid(f'invalid resize {word} "{value}": value out of range')
        size.append(int(value))
    return size[0], size[1]
