"""/events: what happened, and what happens from now on."""

from __future__ import annotations

from collections.abc import Iterator

from corral.client.query import filters as encode_filters
from corral.client.query import query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import cast

    from corral.client.api import Api
    from corral.client.query import Filters
    from corral.client.wire import Event
else:
    from corral.client.casting import cast


class Events:
    """Raises ApiError and ConnectionFailed."""

    __slots__ = ("_api",)

    def __init__(self, api: Api) -> None:
        self._api = api

    def stream(
        self, *, since: str | None = None, until: str | None = None, filters: Filters | None = None
    ) -> Iterator[Event]:
        """Events since ``since``, for ever or until ``until`` (both seconds since the epoch, with a fraction)."""
        target = "/events" + query(since=since, until=until, filters=encode_filters(filters))
        return cast("Iterator[Event]", self._api.stream(self._api.request("GET", target)))
