"""Exec: more processes in running containers."""

from __future__ import annotations

from typing import Protocol

from corral.api.server import reply
from corral.api.server.content import read_json, read_optional_json
from corral.api.server.http.request import Request, Upgrade
from corral.api.server.http.response import HIJACKED, Response
from corral.api.server.router import Route
from corral.api.server.routers.container_io import window_size
from corral.api.server.streams import upgrader
from corral.api.types.common import IdResponse
from corral.api.types.exec import ExecCreateRequest, ExecInspect, ExecStartRequest
from corral.api.types.wire import UNSET, replace
from corral.errors import Invalid

__all__ = ["ExecRouter", "Execs"]


class Execs(Protocol):
    async def exec_create(self, ref: str, request: ExecCreateRequest) -> str:
        """Returns the new exec's id."""
        ...

    async def exec_start(self, exec_id: str, request: ExecStartRequest, upgrade: Upgrade | None) -> None:
        """``upgrade`` is None for a detached start."""
        ...

    async def exec_inspect(self, exec_id: str) -> ExecInspect: ...
    async def exec_resize(self, exec_id: str, height: int, width: int) -> None: ...


class ExecRouter:
    def __init__(self, execs: Execs) -> None:
        self._execs = execs

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/containers/{id}/exec", self.create),
            Route("POST", "/exec/{id}/start", self.start),
            Route("GET", "/exec/{id}/json", self.inspect),
            Route("POST", "/exec/{id}/resize", self.resize),
        )

    async def create(self, request: Request) -> Response:
        wanted = await read_json(request, ExecCreateRequest)
        if not wanted.cmd:
            raise Invalid("no exec command specified")
        if request.api_version < (1, 42):
            wanted = replace(wanted, console_size=UNSET)
        return reply.json(IdResponse(id=await self._execs.exec_create(request.parameters["id"], wanted)), 201)

    async def start(self, request: Request) -> Response:
        wanted = await read_optional_json(request, ExecStartRequest)
        if wanted.detach:
            await self._execs.exec_start(request.parameters["id"], wanted, None)
            return Response(200)
        await self._execs.exec_start(request.parameters["id"], wanted, upgrader(request))
        return HIJACKED

    async def inspect(self, request: Request) -> Response:
        return reply.json(await self._execs.exec_inspect(request.parameters["id"]))

    async def resize(self, request: Request) -> Response:
        height, width = window_size(request)
        await self._execs.exec_resize(request.parameters["id"], height, width)
        return Response(200)
