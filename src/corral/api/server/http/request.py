"""What a handler sees of a request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol
from urllib.parse import parse_qsl, unquote

from corral.api.server.http.head import BadRequest, Head

__all__ = ["MAX_BODY", "MAX_QUERY_FIELDS", "BodySource", "Request", "Upgrade"]

MAX_BODY = 8 * 1024 * 1024
"""Bytes of a body that is read whole (JSON); streams have no limit."""

MAX_QUERY_FIELDS = 1000

Upgrade = Callable[[bool], Awaitable[tuple[int, bytes]]]
"""Takes the connection over. The argument says whether the stream will be multiplexed (no terminal). Returns the
connected socket, which is the caller's from then on, and what the client had already sent beyond its request."""


class BodySource(Protocol):
    """The connection, as the request sees it."""

    async def read_body(self) -> bytes:
        """The next part of the body, b"" at its end. Raises ConnectionError when the client has gone."""
        ...

    async def hijack(self, head: bytes) -> tuple[int, bytes]: ...


class Request:
    """``path`` is percent-decoded; ``query`` holds the last value of each name."""

    __slots__ = ("_query", "_source", "api_version", "head", "headers", "method", "parameters", "path", "raw_query")

    def __init__(self, head: Head, source: BodySource) -> None:
        self.head = head
        self.method = head.method
        self.headers = head.headers
        path, _, query = head.target.partition("?")
        self.path = unquote(path.partition("#")[0]) if "%" in path or "#" in path else path
        self.raw_query = query
        self.parameters: dict[str, str] = {}
        """What the route's pattern matched."""
        self.api_version: tuple[int, int] = (0, 0)
        self._query: dict[str, str] | None = None
        self._source = source

    @property
    def query(self) -> dict[str, str]:
        """Raises BadRequest when it has absurdly many fields."""
        if self._query is None:
            try:
                self._query = dict(
                    parse_qsl(self.raw_query, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
                    if self.raw_query
                    else ()
                )
            except ValueError as error:
                raise BadRequest("too many query parameters") from error
        return self._query

    def query_list(self, name: str) -> list[str]:
        """Every value of a repeated query parameter, in order."""
        return [value for key, value in parse_qsl(self.raw_query, keep_blank_values=True) if key == name]

    async def read(self, limit: int = MAX_BODY) -> bytes:
        """The whole body. Raises BadRequest (413) beyond the limit, ConnectionError when the client goes away."""
        if self.head.length > limit:
            raise BadRequest("request body is too large", 413)
        parts: list[bytes] = []
        size = 0
        while part := await self._source.read_body():
            size += len(part)
            if size > limit:
                raise BadRequest("request body is too large", 413)
            parts.append(part)
        return b"".join(parts)

    async def stream(self) -> AsyncIterator[bytes]:
        """The body in parts as they arrive; reading slowly slows the client down."""
        while part := await self._source.read_body():
            yield part

    async def hijack(self, head: bytes) -> tuple[int, bytes]:
        """Sends ``head`` and gives the socket away, see `Upgrade`. The handler must then return `response.HIJACKED`."""
        return await self._source.hijack(head)
