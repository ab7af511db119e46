"""/volumes."""

from __future__ import annotations

from collections.abc import Mapping

from corral.client.query import filters as encode_filters
from corral.client.query import query, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import cast

    from corral.client.api import Api
    from corral.client.query import Filters
    from corral.client.wire import Pruned, Volume, VolumeList
else:
    from corral.client.casting import cast


class Volumes:
    """All raise ApiError and ConnectionFailed."""

    __slots__ = ("_api",)

    def __init__(self, api: Api) -> None:
        self._api = api

    def list(self, *, filters: Filters | None = None) -> VolumeList:
        return cast("VolumeList", self._api.call("GET", "/volumes" + query(filters=encode_filters(filters))))

    def create(
        self,
        name: str = "",
        *,
        driver: str = "local",
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Volume:
        request = {"Name": name, "Driver": driver, "DriverOpts": dict(options or {}), "Labels": dict(labels or {})}
        return cast("Volume", self._api.call("POST", "/volumes/create", request))

    def inspect_raw(self, name: str) -> bytes:
        return self._api.raw(f"/volumes/{quote(name)}")

    def remove(self, name: str, *, force: bool = False) -> None:
        self._api.call("DELETE", f"/volumes/{quote(name)}" + query(force=force))

    def prune(self, *, filters: Filters | None = None) -> Pruned:
        return cast("Pruned", self._api.call("POST", "/volumes/prune" + query(filters=encode_filters(filters))))
