"""/auth, /images/search, /distribution: what the daemon asks of a registry without touching its images."""

from __future__ import annotations

from collections.abc import Mapping

from corral.client.query import filters as encode_filters
from corral.client.query import query, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import cast

    from corral.client.api import Api
    from corral.client.query import Filters
    from corral.client.wire import LoginAnswer, SearchResult
else:
    from corral.client.casting import cast

AUTH_HEADER = "X-Registry-Auth"
"""Base64 (URL alphabet) of the JSON of an account; see docker's API documentation."""


class Registries:
    """All raise ApiError and ConnectionFailed."""

    __slots__ = ("_api",)

    def __init__(self, api: Api) -> None:
        self._api = api

    def login(self, account: Mapping[str, str]) -> LoginAnswer:
        """``account``: username, password, serveraddress, identitytoken."""
        return cast("LoginAnswer", self._api.call("POST", "/auth", dict(account)))

    def search(
        self, term: str, *, limit: int = 0, filters: Filters | None = None, auth: str = ""
    ) -> list[SearchResult]:
        target = "/images/search" + query(term=term, limit=limit or None, filters=encode_filters(filters))
        return cast("list[SearchResult]", self._api.call("GET", target, headers=auth_header(auth)) or [])

    def manifest(self, ref: str, *, auth: str = "") -> dict[str, object]:
        """What the registry has under a name: its descriptor and the platforms it is for."""
        target = f"/distribution/{quote(ref, b'/:@')}/json"
        return cast("dict[str, object]", self._api.call("GET", target, headers=auth_header(auth)))


def auth_header(auth: str) -> dict[str, str]:
    return {AUTH_HEADER: auth} if auth else {}
