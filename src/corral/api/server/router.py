"""Routes as data, and finding the one that a request means."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Awaitable, Callable, Iterable

from corral.api.server.http.request import Request
from corral.api.server.http.response import Response

__all__ = ["Endpoint", "Route", "Router"]

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    """``path`` without a version: "/containers/{id}/json"; "{name:path}" also matches slashes (image names)."""

    method: str
    path: str
    endpoint: Endpoint


class Router:
    """Fixed paths are looked up; the others are tried in order among those with the same method and first word."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[tuple[str, str], Endpoint] = {}
        self._patterns: dict[tuple[str, str], list[tuple[re.Pattern[str], Endpoint]]] = {}
        for route in routes:
            if "{" in route.path:
                self._patterns.setdefault((route.method, _first_word(route.path)), []).append(
                    (_compile(route.path), route.endpoint)
                )
            else:
                self._fixed[route.method, route.path] = route.endpoint

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """The endpoint and what its pattern matched."""
        endpoint = self._fixed.get((method, path))
        if endpoint is not None:
            return endpoint, {}
        for pattern, endpoint in self._patterns.get((method, _first_word(path)), ()):
            match = pattern.fullmatch(path)
            if match is not None:
                return endpoint, match.groupdict()
        return None


def _first_word(path: str) -> str:
    return path[1:].partition("/")[0]


def _compile(path: str) -> re.Pattern[str]:
    def part(piece: str) -> str:
        if not piece.startswith("{"):
            return re.escape(piece)
        name, _, kind = piece[1:-1].partition(":")
        return f"(?P<{name}>.+)" if kind == "path" else f"(?P<{name}>[^/]+)"

    return re.compile("".join(part(piece) for piece in re.split(r"(\{[^}]+\})", path)), re.DOTALL)
