"""Containers: their life, and what is known about them."""

from __future__ import annotations

from typing import Protocol

from corral.api.server import reply
from corral.api.server.content import read_json
from corral.api.server.http.request import Request
from corral.api.server.http.response import Response
from corral.api.server.query import Filters, boolean, filters, integer
from corral.api.server.router import Route
from corral.api.server.routers.create_compat import adapt_create
from corral.api.types.container import (
    ContainerCreateRequest,
    ContainerCreateResponse,
    ContainerInspect,
    ContainersPruneReport,
    ContainerSummary,
    TopResponse,
    UpdateRequest,
    UpdateResponse,
)
from corral.api.types.wire import replace
from corral.errors import Invalid

__all__ = ["ContainerRouter", "Containers"]


class Containers(Protocol):
    """What the engine must offer; ``ref`` is a name, an id or the beginning of an id."""

    async def create(
        self, name: str | None, request: ContainerCreateRequest, platform: str | None
    ) -> ContainerCreateResponse: ...
    async def start(self, ref: str, detach_keys: str | None = None) -> None: ...
    async def stop(self, ref: str, timeout: int | None, signal: str | None) -> None: ...
    async def restart(self, ref: str, timeout: int | None, signal: str | None) -> None: ...
    async def kill(self, ref: str, signal: str) -> None: ...
    async def pause(self, ref: str) -> None: ...
    async def unpause(self, ref: str) -> None: ...
    async def rename(self, ref: str, name: str) -> None: ...
    async def update(self, ref: str, request: UpdateRequest) -> UpdateResponse: ...
    async def remove(self, ref: str, *, force: bool, volumes: bool, link: bool) -> None: ...
    async def prune(self, filters: Filters) -> ContainersPruneReport: ...
    async def list(self, all: bool, limit: int, size: bool, filters: Filters) -> list[ContainerSummary]: ...
    async def inspect(self, ref: str, size: bool) -> ContainerInspect: ...
    async def top(self, ref: str, ps_args: str) -> TopResponse: ...


class ContainerRouter:
    def __init__(self, containers: Containers) -> None:
        self._containers = containers

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/containers/json", self.list),
            Route("POST", "/containers/create", self.create),
            Route("POST", "/containers/prune", self.prune),
            Route("GET", "/containers/{id}/json", self.inspect),
            Route("GET", "/containers/{id}/top", self.top),
            Route("POST", "/containers/{id}/start", self.start),
            Route("POST", "/containers/{id}/stop", self.stop),
            Route("POST", "/containers/{id}/restart", self.restart),
            Route("POST", "/containers/{id}/kill", self.kill),
            Route("POST", "/containers/{id}/pause", self.pause),
            Route("POST", "/containers/{id}/unpause", self.unpause),
            Route("POST", "/containers/{id}/rename", self.rename),
            Route("POST", "/containers/{id}/update", self.update),
            Route("DELETE", "/containers/{id}", self.remove),
        )

    async def list(self, request: Request) -> Response:
        limit = integer(request, "limit") or 0
        return reply.json(
            await self._containers.list(
                boolean(request, "all") or limit > 0, limit, boolean(request, "size"), filters(request)
            )
        )

    async def create(self, request: Request) -> Response:
        wanted = await read_json(request, ContainerCreateRequest)
        if (
            not wanted.image
            and replace(wanted, host_config=_NOTHING.host_config, networking_config=_NO_NETWORKS) == _NOTHING
        ):
            raise Invalid("config cannot be empty in order to create a container")
        wanted, warnings = adapt_create(wanted, request.api_version)
        made = await self._containers.create(
            request.query.get("name") or None, wanted, request.query.get("platform") or None
        )
        if warnings:
            made = replace(made, warnings=[*made.warnings, *warnings])
        return reply.json(made, 201)

    async def inspect(self, request: Request) -> Response:
        return reply.json(await self._containers.inspect(request.parameters["id"], boolean(request, "size")))

    async def top(self, request: Request) -> Response:
        return reply.json(
            await self._containers.top(request.parameters["id"], request.query.get("ps_args", "").strip() or "-ef")
        )

    async def start(self, request: Request) -> Response:
        if request.head.length > 2 and (await request.read()).strip() not in (b"", b"{}", b"null"):
            raise Invalid(
                "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24"
            )
        await self._containers.start(request.parameters["id"], request.query.get("detachKeys") or None)
        return reply.NO_CONTENT

    async def stop(self, request: Request) -> Response:
        await self._containers.stop(
            request.parameters["id"], integer(request, "t"), request.query.get("signal") or None
        )
        return reply.NO_CONTENT

    async def restart(self, request: Request) -> Response:
        await self._containers.restart(
            request.parameters["id"], integer(request, "t"), request.query.get("signal") or None
        )
        return reply.NO_CONTENT

    async def kill(self, request: Request) -> Response:
        await self._containers.kill(request.parameters["id"], request.query.get("signal") or "SIGKILL")
        return reply.NO_CONTENT

    async def pause(self, request: Request) -> Response:
        await self._containers.pause(request.parameters["id"])
        return reply.NO_CONTENT

    async def unpause(self, request: Request) -> Response:
        await self._containers.unpause(request.parameters["id"])
        return reply.NO_CONTENT

    async def rename(self, request: Request) -> Response:
        await self._containers.rename(request.parameters["id"], request.query.get("name", ""))
        return reply.NO_CONTENT

    async def update(self, request: Request) -> Response:
        changes = await read_json(request, UpdateRequest)
        return reply.json(await self._containers.update(request.parameters["id"], changes))

    async def prune(self, request: Request) -> Response:
        return reply.json(await self._containers.prune(filters(request)))

    async def remove(self, request: Request) -> Response:
        await self._containers.remove(
            request.parameters["id"],
            force=boolean(request, "force"),
            volumes=boolean(request, "v"),
            link=boolean(request, "link"),
        )
        return reply.NO_CONTENT


_NOTHING = ContainerCreateRequest()
_NO_NETWORKS = _NOTHING.networking_config
