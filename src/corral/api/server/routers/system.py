"""The daemon about itself."""

from __future__ import annotations

from typing import Final, Protocol

from corral.api.server import reply
from corral.api.server.http.request import Request
from corral.api.server.http.response import Response
from corral.api.server.router import Route
from corral.api.types.system import DiskUsage, SystemInfo, Version
from corral.api.types.wire import UNSET
from corral.errors import Invalid

__all__ = ["System", "SystemRouter"]

_DEVICES_SINCE: Final = (1, 50)
_KINDS: Final = ("container", "image", "volume", "build-cache")


class System(Protocol):
    async def version(self) -> Version: ...
    async def info(self) -> SystemInfo: ...

    async def disk_usage(self, kinds: frozenset[str]) -> DiskUsage:
        """Only of these kinds: container, image, volume, build-cache."""
        ...


class SystemRouter:
    def __init__(self, system: System) -> None:
        self._system = system

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/_ping", self.ping),
            Route("HEAD", "/_ping", self.ping),
            Route("GET", "/version", self.version),
            Route("GET", "/info", self.info),
            Route("GET", "/system/df", self.disk_usage),
        )

    async def ping(self, request: Request) -> Response:
        return _HEAD_PING if request.method == "HEAD" else _PING

    async def version(self, request: Request) -> Response:  # noqa: ARG002
        return reply.json(await self._system.version())

    async def info(self, request: Request) -> Response:
        found = await self._system.info()
        if request.api_version < _DEVICES_SINCE:
            found.discovered_devices = UNSET
        return reply.json(found)

    async def disk_usage(self, request: Request) -> Response:
        kinds = frozenset(request.query_list("type") if request.api_version >= (1, 42) else ())
        for kind in kinds.difference(_KINDS):
            raise Invalid(f"unknown object type: {kind}")
        return reply.json(await self._system.disk_usage(kinds or frozenset(_KINDS)))


_PING_HEADERS: Final = {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Swarm": "inactive",
}
_PING: Final = Response(200, b"OK", "text/plain; charset=utf-8", _PING_HEADERS)
_HEAD_PING: Final = Response(200, b"", "text/plain; charset=utf-8", _PING_HEADERS)
