"""The daemon about itself, and the stream of events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, Protocol

from corral.api.server import reply
from corral.api.server.http.request import Request
from corral.api.server.http.response import Response
from corral.api.server.query import Filters, filters, timestamp
from corral.api.server.router import Route
from corral.api.server.streams import json_lines
from corral.api.types.event import Event
from corral.api.types.system import DiskUsage, SystemInfo, Version
from corral.errors import Invalid

__all__ = ["Events", "System", "SystemRouter"]

_KINDS: Final = ("container", "image", "volume", "build-cache")


class System(Protocol):
    async def version(self) -> Version: ...
    async def info(self) -> SystemInfo: ...

    async def disk_usage(self, kinds: frozenset[str]) -> DiskUsage:
        """Only of these kinds: container, image, volume, build-cache."""
        ...


class Events(Protocol):
    def stream(self, since: int, until: int, filters: Filters) -> AsyncIterator[Event]:
        """Stored ones from ``since`` on, then new ones, up to ``until``; in nanoseconds, 0: only new ones, no end."""
        ...


class SystemRouter:
    def __init__(self, system: System, events: Events) -> None:
        self._system = system
        self._events = events

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/_ping", self.ping),
            Route("HEAD", "/_ping", self.ping),
            Route("GET", "/version", self.version),
            Route("GET", "/info", self.info),
            Route("GET", "/system/df", self.disk_usage),
            Route("GET", "/events", self.events),
        )

    async def ping(self, request: Request) -> Response:
        return _HEAD_PING if request.method == "HEAD" else _PING

    async def version(self, request: Request) -> Response:  # noqa: ARG002
        return reply.json(await self._system.version())

    async def info(self, request: Request) -> Response:  # noqa: ARG002
        return reply.json(await self._system.info())

    async def disk_usage(self, request: Request) -> Response:
        kinds = frozenset(request.query_list("type") if request.api_version >= (1, 42) else ())
        for kind in kinds.difference(_KINDS):
            raise Invalid(f"unknown object type: {kind}")
        return reply.json(await self._system.disk_usage(kinds or frozenset(_KINDS)))

    async def events(self, request: Request) -> Response:
        since, until = timestamp(request, "since"), timestamp(request, "until")
        if since and until and until < since:
            raise Invalid(
                f"since time ({request.query['since']}) cannot be after until time ({request.query['until']})"
            )
        return json_lines(self._events.stream(since, until, filters(request)))


_PING_HEADERS: Final = {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Swarm": "inactive",
}
_PING: Final = Response(200, b"OK", "text/plain; charset=utf-8", _PING_HEADERS)
_HEAD_PING: Final = Response(200, b"", "text/plain; charset=utf-8", _PING_HEADERS)
