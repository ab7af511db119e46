"""Control groups: an extension of Docker's API, below /corral."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from corral.api.server import reply
from corral.api.server.http.request import Request
from corral.api.server.http.response import Response
from corral.api.server.router import Route
from corral.api.types.cgroups import Cgroups

__all__ = ["CgroupRouter", "CgroupView"]


class CgroupView(Protocol):
    async def cgroups(self, refs: Sequence[str]) -> Cgroups:
        """With all containers, or those that are named. Raises NotFound."""
        ...


class CgroupRouter:
    def __init__(self, view: CgroupView) -> None:
        self._view = view

    def routes(self) -> tuple[Route, ...]:
        return (Route("GET", "/corral/cgroups", self.cgroups),)

    async def cgroups(self, request: Request) -> Response:
        """``?container=REF``, any number of times."""
        return reply.json(await self._view.cgroups(request.query_list("container")))
