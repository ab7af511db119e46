"""/version, /info, /system/df, and what is not Docker's: /corral/cgroups."""

from __future__ import annotations

from collections.abc import Iterable

from corral.client.query import query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import cast

    from corral.client.api import Api
    from corral.client.wire import Cgroups, DiskUsage, Version
else:
    from corral.client.casting import cast


class System:
    """All raise ApiError and ConnectionFailed."""

    __slots__ = ("_api",)

    def __init__(self, api: Api) -> None:
        self._api = api

    def version(self) -> Version:
        return cast("Version", self._api.call("GET", "/version"))

    def info(self) -> dict[str, object]:
        return cast("dict[str, object]", self._api.call("GET", "/info"))

    def disk_usage(self) -> DiskUsage:
        return cast("DiskUsage", self._api.call("GET", "/system/df"))

    def cgroups(self, containers: Iterable[str] = ()) -> Cgroups:
        """Of all containers, or those that are named."""
        return cast("Cgroups", self._api.call("GET", "/corral/cgroups" + query(container=containers)))
