"""Short ways to answer."""

from __future__ import annotations

from typing import Final

from corral.api.server.http.response import Response
from corral.api.types.wire import encode

__all__ = ["CREATED", "NO_CONTENT", "json", "text"]

NO_CONTENT: Final = Response(204)
CREATED: Final = Response(201)


def json(value: object, status: int = 200) -> Response:
    """JSON, ended by a newline as Go's encoder does."""
    return Response(status, encode(value) + b"\n", "application/json")


def text(body: str, status: int = 200) -> Response:
    return Response(status, body.encode(), "text/plain; charset=utf-8")
