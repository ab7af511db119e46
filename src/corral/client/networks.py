"""/networks."""

from __future__ import annotations

from corral.client.query import filters as encode_filters
from corral.client.query import query, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import cast

    from corral.client.api import Api
    from corral.client.query import Filters
    from corral.client.wire import Network
else:
    from corral.client.casting import cast


class Networks:
    """All raise ApiError and ConnectionFailed."""

    __slots__ = ("_api",)

    def __init__(self, api: Api) -> None:
        self._api = api

    def list(self, *, filters: Filters | None = None) -> list[Network]:
        return cast("list[Network]", self._api.call("GET", "/networks" + query(filters=encode_filters(filters))))

    def inspect_raw(self, ref: str, *, verbose: bool = False) -> bytes:
        return self._api.raw(f"/networks/{quote(ref)}" + query(verbose=verbose))
