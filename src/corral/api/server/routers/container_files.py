"""Containers' files: what changed, what there is, and the image that commit makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from corral.api.server import reply
from corral.api.server.content import read_nullable_json
from corral.api.server.http.request import Request
from corral.api.server.http.response import Response
from corral.api.server.query import boolean
from corral.api.server.router import Route
from corral.api.types.common import IdResponse
from corral.api.types.container import Config
from corral.api.types.files import CommitOptions, FilesystemChange

__all__ = ["ContainerFileRouter", "ContainerFiles"]


class ContainerFiles(Protocol):
    """What the engine must offer; ``ref`` is a name, an id or the beginning of an id."""

    async def changes(self, ref: str) -> Sequence[FilesystemChange]: ...
    async def commit(self, ref: str, options: CommitOptions, config: Config | None) -> str:
        """Returns the new image's id."""
        ...


class ContainerFileRouter:
    def __init__(self, containers: ContainerFiles) -> None:
        self._containers = containers

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/commit", self.commit),
            Route("GET", "/containers/{id}/changes", self.changes),
        )

    async def changes(self, request: Request) -> Response:
        return reply.json(await self._containers.changes(request.parameters["id"]) or None)

    async def commit(self, request: Request) -> Response:
        query = request.query
        config = await read_nullable_json(request, Config)
        options = CommitOptions(
            repo=query.get("repo", ""),
            tag=query.get("tag", ""),
            author=query.get("author", ""),
            comment=query.get("comment", ""),
            pause=not query.get("pause") or boolean(request, "pause"),
            changes=request.query_list("changes"),
        )
        image_id = await self._containers.commit(query.get("container", ""), options, config)
        return reply.json(IdResponse(id=image_id), 201)
