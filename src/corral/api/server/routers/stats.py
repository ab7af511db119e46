"""What containers use of the machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from corral.api.server import reply
from corral.api.server.http.request import Request
from corral.api.server.http.response import Response
from corral.api.server.query import boolean
from corral.api.server.router import Route
from corral.api.server.streams import json_lines
from corral.api.types.stats import StatsResponse
from corral.errors import Invalid

__all__ = ["ContainerStats", "StatsRouter"]


class ContainerStats(Protocol):
    async def stats(self, ref: str, *, one_shot: bool) -> StatsResponse:
        """One, after the second that it takes to tell how busy the processors are, or at once with ``one_shot``."""
        ...

    def stats_stream(self, ref: str) -> AsyncIterator[StatsResponse]:
        """One a second. Raises NotFound at once."""
        ...


class StatsRouter:
    def __init__(self, containers: ContainerStats) -> None:
        self._containers = containers

    def routes(self) -> tuple[Route, ...]:
        return (Route("GET", "/containers/{id}/stats", self.stats),)

    async def stats(self, request: Request) -> Response:
        stream, one_shot = boolean(request, "stream", default=True), boolean(request, "one-shot")
        if stream and one_shot:
            raise Invalid("cannot have stream=true and one-shot=true")
        ref = request.parameters["id"]
        if stream:
            return json_lines(self._containers.stats_stream(ref))
        return reply.json(await self._containers.stats(ref, one_shot=one_shot))
