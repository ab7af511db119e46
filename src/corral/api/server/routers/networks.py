"""Networks: what there is, and prune."""

from __future__ import annotations

from typing import Protocol

from corral.api.server import reply
from corral.api.server.http.request import Request
from corral.api.server.http.response import Response
from corral.api.server.query import Filters, filters
from corral.api.server.router import Route
from corral.api.server.routers.network_filters import select
from corral.api.types.network import NetworkInspect, NetworksPruneReport

__all__ = ["NetworkRouter", "Networks"]


class Networks(Protocol):
    def networks(self) -> list[NetworkInspect]: ...
    def inspect_network(self, ref: str) -> NetworkInspect: ...
    def prune_networks(self, filters: Filters) -> NetworksPruneReport: ...


class NetworkRouter:
    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/networks", self.list),
            Route("POST", "/networks/prune", self.prune),
            Route("GET", "/networks/{id}", self.inspect),
        )

    async def list(self, request: Request) -> Response:
        return reply.json(select(self._networks.networks(), filters(request)))

    async def prune(self, request: Request) -> Response:
        return reply.json(self._networks.prune_networks(filters(request)))

    async def inspect(self, request: Request) -> Response:
        return reply.json(self._networks.inspect_network(request.parameters["id"]))
