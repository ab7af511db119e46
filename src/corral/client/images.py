"""/images: list, inspect, tag, remove, import, load, save, pull, push, and making base images without a registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from corral.client.query import filters as encode_filters
from corral.client.query import query, quote
from corral.client.registries import auth_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import cast

    from corral.client.api import Api
    from corral.client.http import Body, Response
    from corral.client.query import Filters
    from corral.client.wire import DeleteItem, HistoryItem, ImageSummary, Progress, Pruned
else:
    from corral.client.casting import cast


class Images:
    """``ref`` is ``name[:tag][@digest]``, an id or a prefix of one. All raise ApiError and ConnectionFailed."""

    __slots__ = ("_api",)

    def __init__(self, api: Api) -> None:
        self._api = api

    def inspect_raw(self, ref: str) -> bytes:
        return self._api.raw(f"/images/{_name(ref)}/json")

    def history(self, ref: str, *, platform: str | None = None) -> list[HistoryItem]:
        target = f"/images/{_name(ref)}/history" + query(platform=platform)
        return cast("list[HistoryItem]", self._api.call("GET", target))

    def tag(self, ref: str, repository: str, tag: str) -> None:
        self._api.call("POST", f"/images/{_name(ref)}/tag" + query(repo=repository, tag=tag))

    def remove(
        self, ref: str, *, force: bool = False, no_prune: bool = False, platforms: Iterable[str] = ()
    ) -> list[DeleteItem]:
        target = f"/images/{_name(ref)}" + query(force=force, noprune=no_prune, platforms=platforms)
        return cast("list[DeleteItem]", self._api.call("DELETE", target))

    def prune(self, *, filters: Filters | None = None) -> Pruned:
        return cast("Pruned", self._api.call("POST", "/images/prune" + query(filters=encode_filters(filters))))

    def load(self, archive: Body, *, quiet: bool = False, platform: str | None = None) -> Response:
        """Progress when the answer's media type is JSON, else text."""
        target = "/images/load" + query(quiet=quiet, platform=platform)
        return self._api.request("POST", target, body=archive, headers={"Content-Type": "application/x-tar"})

    def save(self, refs: Iterable[str], *, platform: str | None = None) -> Response:
        """A tar archive with all of ``refs``."""
        return self._api.request("GET", "/images/get" + query(names=refs, platform=platform))

    def import_(
        self,
        source: str,
        body: Body,
        *,
        repository: str = "",
        tag: str = "",
        message: str = "",
        changes: Iterable[str] = (),
        platform: str = "",
    ) -> Iterator[Progress]:
        """``source`` is a URL that the daemon fetches, or "-" for ``body``."""
        target = "/images/create" + query(
            fromSrc=source, repo=repository, tag=tag, message=message, changes=changes, platform=platform
        )
        return self._progress(self._api.request("POST", target, body=body))

    def pull(self, repository: str, tag: str, *, platform: str = "", auth: str = "") -> Iterator[Progress]:
        """``tag`` is a tag, a digest, or "" for all tags; ``auth`` as in `client.registries`."""
        target = "/images/create" + query(fromImage=repository, tag=tag, platform=platform)
        return self._progress(self._api.request("POST", target, headers=auth_header(auth)))

    def push(self, repository: str, tag: str, *, platform: str = "", auth: str = "") -> Iterator[Progress]:
        """``tag`` "" is all tags; ``platform`` the JSON of an OCI platform."""
        target = f"/images/{_name(repository)}/push" + query(tag=tag, platform=platform)
        return self._progress(self._api.request("POST", target, headers=auth_header(auth)))

    def bootstrap(self, name: str) -> Iterator[Progress]:
        """Make a base image on the daemon's machine: "busybox", "debian:bookworm"."""
        return self._progress(self._api.request("POST", "/corral/images/bootstrap" + query(name=name)))

    def progress(self, response: Response) -> Iterator[Progress]:
        return self._progress(response)

    def _progress(self, response: Response) -> Iterator[Progress]:
        return cast("Iterator[Progress]", self._api.stream(response))

    def list(self, *, all: bool = False, digests: bool = False, filters: Filters | None = None) -> list[ImageSummary]:
        target = "/images/json" + query(all=all, digests=digests, filters=encode_filters(filters))
        return cast("list[ImageSummary]", self._api.call("GET", target))


def _name(ref: str) -> str:
    """The API takes an image's slashes, colons and at-signs as they are."""
    return quote(ref, b"/:@")
