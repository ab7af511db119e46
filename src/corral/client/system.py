"""/version, /info, /system/df."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import cast

    from corral.client.api import Api
    from corral.client.wire import DiskUsage, Version
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
