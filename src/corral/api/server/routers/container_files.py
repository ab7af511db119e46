"""Containers' files: what changed, what there is, and the image that commit makes of it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Protocol

from corral.api.server import reply
from corral.api.server.content import read_nullable_json
from corral.api.server.http.request import Request
from corral.api.server.http.response import Response, Stream
from corral.api.server.query import boolean
from corral.api.server.router import Route
from corral.api.server.streams import primed
from corral.api.types.common import IdResponse
from corral.api.types.container import Config
from corral.api.types.files import CommitOptions, FilesystemChange, PathStat
from corral.api.types.wire import encode
from corral.errors import Invalid

__all__ = ["ContainerFileRouter", "ContainerFiles"]


class ContainerFiles(Protocol):
    """What the engine must offer; ``ref`` is a name, an id or the beginning of an id."""

    def export(self, ref: str) -> AsyncIterator[bytes]: ...
    async def look(self, ref: str, path: str) -> PathStat: ...

    def copy_out(self, ref: str, path: str) -> AbstractAsyncContextManager[tuple[PathStat, AsyncIterator[bytes]]]:
        """What is there, and the tar of it."""
        ...

    async def copy_in(
        self, ref: str, path: str, source: AsyncIterator[bytes], *, strict: bool, as_user: bool
    ) -> None: ...

    async def changes(self, ref: str) -> Sequence[FilesystemChange]: ...
    async def commit(self, ref: str, options: CommitOptions, config: Config | None) -> str:
        """Returns the new image's id."""
        ...


def _path(request: Request) -> str:
    path = request.query.get("path", "")
    if not path:
        raise Invalid("bad parameter: pathcannot be empty")
    return path


def _stat_header(stat: PathStat) -> dict[str, str]:
    return {"X-Docker-Container-Path-Stat": base64.b64encode(encode(stat)).decode()}


class _Held:
    """Chunks whose context is left after the last one, and when the client goes away, even before the first."""

    def __init__(self, stack: AsyncExitStack, chunks: AsyncIterator[bytes]) -> None:
        self._stack = stack
        self._chunks = chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._chunks)

    async def aclose(self) -> None:
        await self._stack.aclose()


class ContainerFileRouter:
    def __init__(self, containers: ContainerFiles) -> None:
        self._containers = containers

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("POST", "/commit", self.commit),
            Route("GET", "/containers/{id}/changes", self.changes),
            Route("GET", "/containers/{id}/export", self.export),
            Route("HEAD", "/containers/{id}/archive", self.look),
            Route("GET", "/containers/{id}/archive", self.copy_out),
            Route("PUT", "/containers/{id}/archive", self.copy_in),
        )

    async def export(self, request: Request) -> Response:
        chunks = await primed(self._containers.export(request.parameters["id"]))
        return Stream(content_type="application/octet-stream", chunks=chunks, flush=False)

    async def look(self, request: Request) -> Response:
        stat = await self._containers.look(request.parameters["id"], _path(request))
        return Response(200, headers=_stat_header(stat))

    async def copy_out(self, request: Request) -> Response:
        stack = AsyncExitStack()
        stat, chunks = await stack.enter_async_context(
            self._containers.copy_out(request.parameters["id"], _path(request))
        )
        return Stream(content_type="application/x-tar", headers=_stat_header(stat), chunks=_Held(stack, chunks))

    async def copy_in(self, request: Request) -> Response:
        await self._containers.copy_in(
            request.parameters["id"],
            _path(request),
            request.stream(),
            strict=boolean(request, "noOverwriteDirNonDir"),
            as_user=boolean(request, "copyUIDGID"),
        )
        return Response(200)

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
