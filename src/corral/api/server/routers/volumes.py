"""Volumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from corral.api.server import reply
from corral.api.server.content import read_optional_json
from corral.api.server.http.request import Request
from corral.api.server.http.response import Response
from corral.api.server.query import Filters, boolean, filters
from corral.api.server.router import Route
from corral.api.types.volume import Volume, VolumeCreateRequest, VolumeListResponse, VolumesPruneReport

__all__ = ["VolumeRouter", "Volumes"]


class Volumes(Protocol):
    async def create(
        self, name: str, driver: str, options: Mapping[str, str] | None, labels: Mapping[str, str] | None
    ) -> Volume: ...
    def list(self, filters: Filters) -> VolumeListResponse: ...
    def inspect(self, name: str) -> Volume: ...
    async def remove(self, name: str, *, force: bool) -> None: ...
    async def prune(self, filters: Filters) -> VolumesPruneReport: ...


class VolumeRouter:
    def __init__(self, volumes: Volumes) -> None:
        self._volumes = volumes

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/volumes", self.list),
            Route("POST", "/volumes/create", self.create),
            Route("POST", "/volumes/prune", self.prune),
            Route("GET", "/volumes/{name}", self.inspect),
            Route("DELETE", "/volumes/{name}", self.remove),
        )

    async def list(self, request: Request) -> Response:
        return reply.json(self._volumes.list(filters(request)))

    async def create(self, request: Request) -> Response:
        wanted = await read_optional_json(request, VolumeCreateRequest)
        made = await self._volumes.create(wanted.name, wanted.driver, wanted.driver_opts, wanted.labels)
        return reply.json(made, 201)

    async def inspect(self, request: Request) -> Response:
        return reply.json(self._volumes.inspect(request.parameters["name"]))

    async def remove(self, request: Request) -> Response:
        await self._volumes.remove(request.parameters["name"], force=boolean(request, "force"))
        return reply.NO_CONTENT

    async def prune(self, request: Request) -> Response:
        wanted = filters(request)
        if request.api_version < (1, 42):
            wanted.setdefault("all", ["true"])
        return reply.json(await self._volumes.prune(wanted))
