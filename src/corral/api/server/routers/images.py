"""Images, without what needs a registry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from corral.api.server import reply
from corral.api.server.http.request import Request
from corral.api.server.http.response import Response, Stream
from corral.api.server.query import Filters, boolean, filters, platform, platforms
from corral.api.server.router import Route
from corral.api.server.routers.image_compat import adapt_inspect, adapt_summary
from corral.api.server.streams import primed, progress
from corral.api.types.image import (
    ImageDeleteItem,
    ImageHistoryItem,
    ImageInspect,
    ImagesPruneReport,
    ImageSummary,
)
from corral.api.types.progress import Progress
from corral.errors import Invalid, Unsupported
from corral.oci.platform import Platform

__all__ = ["ImageRouter", "Images"]


Strings = list[str]


class Images(Protocol):
    """``ref`` is a name with or without tag or digest, an id, or the beginning of an id."""

    def list(self, filters: Filters, all: bool, shared_size: bool, manifests: bool) -> list[ImageSummary]: ...
    def inspect(self, ref: str, platform: Platform | None, manifests: bool) -> ImageInspect: ...
    def history(self, ref: str, platform: Platform | None) -> Sequence[ImageHistoryItem]: ...
    async def prune(self, filters: Filters) -> ImagesPruneReport: ...
    async def tag(self, ref: str, repo: str, tag: str) -> None: ...
    async def remove(
        self, ref: str, force: bool, noprune: bool, platforms: Sequence[Platform]
    ) -> Sequence[ImageDeleteItem]: ...

    def fetch(self, url: str) -> AsyncIterator[bytes]:
        """The archive at a URL, to be imported."""
        ...

    async def import_(
        self,
        source: AsyncIterator[bytes],
        repo: str,
        tag: str,
        changes: Strings,
        message: str,
        platform: str,
    ) -> str:
        """Returns the new image's id."""
        ...

    def load(self, source: AsyncIterator[bytes], quiet: bool, platform: Platform | None) -> AsyncIterator[Progress]: ...
    def save(self, refs: Strings, platform: Platform | None) -> AsyncIterator[bytes]: ...
    def bootstrap(self, name: str) -> AsyncIterator[Progress]: ...


class ImageRouter:
    def __init__(self, images: Images) -> None:
        self._images = images

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/images/json", self.list),
            Route("POST", "/images/create", self.create),
            Route("POST", "/images/load", self.load),
            Route("POST", "/images/prune", self.prune),
            Route("GET", "/images/get", self.save),
            Route("GET", "/images/{name:path}/get", self.save_one),
            Route("GET", "/images/{name:path}/json", self.inspect),
            Route("GET", "/images/{name:path}/history", self.history),
            Route("POST", "/images/{name:path}/tag", self.tag),
            Route("DELETE", "/images/{name:path}", self.remove),
            Route("POST", "/corral/images/bootstrap", self.bootstrap),
        )

    async def list(self, request: Request) -> Response:
        wanted = filters(request)
        if request.api_version < (1, 41) and (name := request.query.get("filter")):
            wanted["reference"] = [*wanted.get("reference", []), name]
        manifests = request.api_version >= (1, 47) and boolean(request, "manifests")
        found = self._images.list(wanted, boolean(request, "all"), boolean(request, "shared-size"), manifests)
        return reply.json([adapt_summary(image, request.api_version) for image in found])

    async def inspect(self, request: Request) -> Response:
        manifests = request.api_version >= (1, 48) and boolean(request, "manifests")
        wanted = platform(request) if request.api_version >= (1, 49) else None
        if manifests and wanted is not None:
            raise Invalid("conflicting options: manifests and platform options cannot both be set")
        image = self._images.inspect(request.parameters["name"], wanted, manifests)
        return reply.json(adapt_inspect(image, request.api_version))

    async def history(self, request: Request) -> Response:
        wanted = platform(request) if request.api_version >= (1, 48) else None
        return reply.json(self._images.history(request.parameters["name"], wanted))

    async def prune(self, request: Request) -> Response:
        return reply.json(await self._images.prune(filters(request)))

    async def tag(self, request: Request) -> Response:
        await self._images.tag(request.parameters["name"], request.query.get("repo", ""), request.query.get("tag", ""))
        return reply.CREATED

    async def remove(self, request: Request) -> Response:
        name = request.parameters["name"]
        wanted = platforms(request, "platforms") if request.api_version >= (1, 50) else []
        force, keep = boolean(request, "force"), boolean(request, "noprune")
        return reply.json(await self._images.remove(name, force, keep, wanted))

    async def create(self, request: Request) -> Response:
        """Import. What asks for a pull is told where images come from."""
        if image := request.query.get("fromImage"):
            raise Unsupported(
                f"cannot pull {image}: pulling from registries is not available yet; "
                f"make a base image with: corral image bootstrap busybox (or debian:bookworm)"
            )
        source = request.query.get("fromSrc", "")
        if not source:
            raise Invalid("the source of the import is missing: fromSrc")
        return await progress(self._import(request, request.stream() if source == "-" else self._images.fetch(source)))

    async def _import(self, request: Request, source: AsyncIterator[bytes]) -> AsyncIterator[Progress]:
        query = request.query
        image_id = await self._images.import_(
            source,
            query.get("repo", ""),
            query.get("tag", ""),
            request.query_list("changes"),
            query.get("message") or f"Imported from {query['fromSrc']}",
            query.get("platform", ""),
        )
        yield Progress(status=str(image_id))

    async def load(self, request: Request) -> Response:
        quiet, wanted = boolean(request, "quiet"), platform(request)
        return await progress(self._images.load(request.stream(), quiet, wanted))

    async def save(self, request: Request) -> Response:
        names = [name for value in request.query_list("names") for name in value.split(",") if name]
        return await self._save(request, names)

    async def save_one(self, request: Request) -> Response:
        return await self._save(request, [request.parameters["name"]])

    async def _save(self, request: Request, refs: Strings) -> Response:
        pieces = self._images.save(refs, platform(request))
        return Stream(content_type="application/x-tar", chunks=await primed(pieces), flush=False)

    async def bootstrap(self, request: Request) -> Response:
        name = request.query.get("name", "")
        if not name:
            raise Invalid("which image to bootstrap is missing: name=busybox, or name=debian:bookworm")
        return await progress(self._images.bootstrap(name))
