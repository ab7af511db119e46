"""Plugins: there are none, which clients that look through all kinds of objects (``docker inspect NAME``) must be told
in the same way as that there is no such container."""

from __future__ import annotations

from corral.api.server import reply
from corral.api.server.http.request import Request
from corral.api.server.http.response import Response
from corral.api.server.router import Route
from corral.errors import NotFound

__all__ = ["PluginRouter"]


class PluginRouter:
    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/plugins", self.list),
            Route("GET", "/plugins/{name:path}/json", self.missing),
            Route("DELETE", "/plugins/{name:path}", self.missing),
        )

    async def list(self, request: Request) -> Response:  # noqa: ARG002
        return reply.json([])

    async def missing(self, request: Request) -> Response:
        raise NotFound(f'plugin "{request.parameters["name"]}" not found', code="no_such_plugin")
