"""Images to and from registries, and accounts there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from corral.api.server import reply
from corral.api.server.http.request import Request
from corral.api.server.http.response import Response
from corral.api.server.query import Filters, filters, integer
from corral.api.server.query import platform as platform_of
from corral.api.server.registry_auth import registry_auth
from corral.api.server.router import Endpoint, Route
from corral.api.server.streams import progress
from corral.api.types.progress import Progress
from corral.api.types.registry import AuthConfig, AuthResponse, DistributionInspect, SearchResult
from corral.api.types.wire import decode
from corral.errors import Invalid
from corral.oci.platform import Platform, parse_platform

__all__ = ["DistributionRouter", "Registries"]


class Registries(Protocol):
    def pull(self, name: str, tag: str, platform: Platform | None, auth: AuthConfig | None) -> AsyncIterator[Progress]:
        """``tag`` is a tag, a digest, or "" for all of them."""
        ...

    def push(self, name: str, tag: str, platform: Platform | None, auth: AuthConfig | None) -> AsyncIterator[Progress]:
        """``tag`` "" for all of them."""
        ...

    async def login(self, auth: AuthConfig) -> AuthResponse: ...

    async def search(
        self, term: str, limit: int | None, filters: Filters, auth: AuthConfig | None
    ) -> list[SearchResult]: ...

    async def look(self, name: str, auth: AuthConfig | None) -> DistributionInspect: ...


class DistributionRouter:
    """``import_`` is what POST /images/create does without ``fromImage``."""

    def __init__(self, registries: Registries, import_: Endpoint) -> None:
        self._registries = registries
        self._import = import_

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/images/create", self.create),
            Route("POST", "/images/{name:path}/push", self.push),
            Route("GET", "/images/search", self.search),
            Route("POST", "/auth", self.login),
            Route("GET", "/distribution/{name:path}/json", self.look),
        )

    async def create(self, request: Request) -> Response:
        query = request.query
        if not query.get("fromImage"):
            return await self._import(request)
        text = query.get("platform", "")
        platform = parse_platform(text) if text else None
        found = self._registries.pull(
            query.get("fromImage", ""), query.get("tag", ""), platform, registry_auth(request)
        )
        return await progress(found)

    async def push(self, request: Request) -> Response:
        return await progress(
            self._registries.push(
                request.parameters["name"],
                request.query.get("tag", ""),
                platform_of(request),
                registry_auth(request),
            )
        )

    async def login(self, request: Request) -> Response:
        body = await request.read()
        if not body.strip():
            raise Invalid("EOF")
        return reply.json(await self._registries.login(decode(body, AuthConfig)))

    async def search(self, request: Request) -> Response:
        return reply.json(
            await self._registries.search(
                request.query.get("term", ""), integer(request, "limit"), filters(request), registry_auth(request)
            )
        )

    async def look(self, request: Request) -> Response:
        return reply.json(await self._registries.look(request.parameters["name"], registry_auth(request)))
