"""One request and one answer over HTTP/1.1. The only module of the package that knows aiohttp; it is imported late.

No redirect is followed here, nothing is tried twice, no header is added but the user agent: `channel` does that.
What aiohttp raises becomes a `Fault` that says what Go would say.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Final

import aiohttp
from yarl import URL

from corral.image.distribution.registry import goerrors
from corral.image.distribution.registry.config import Patience
from corral.image.distribution.registry.faults import Nonsense
from corral.image.distribution.registry.request import Request, operation

_BUFFER: Final = 1 << 20
_LONGEST_HEADER: Final = 16 << 10


class Answer:
    """The head of an answer, and its body as long as the connection is held. `release` it, or read it to its end."""

    def __init__(self, request: Request, response: aiohttp.ClientResponse) -> None:
        self.request = request
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    @property
    def challenges(self) -> list[str]:
        return self._response.headers.getall("WWW-Authenticate", [])

    @property
    def length(self) -> int | None:
        """What Content-Length says."""
        text = self._response.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdigit() else None

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises Nonsense when it is longer than ``limit``."""
        pieces: list[bytes] = []
        size = 0
        async for piece in self.pieces():
            size += len(piece)
            if size > limit:
                self.close()
                raise Nonsense(f"{self._shown}: answer is larger than {limit} bytes")
            pieces.append(piece)
        return b"".join(pieces)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, in pieces of up to a megabyte. Raises Unreachable when it breaks off."""
        content = self._response.content
        while True:
            try:
                piece = await content.readany()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self.close()
                raise goerrors.fault(self.request.method, self.request.url, error, connected=True) from error
            if not piece:
                return
            yield piece

    def release(self) -> None:
        """Gives the connection back, when the body has been read, or closes it."""
        self._response.release()

    def close(self) -> None:
        self._response.close()

    @property
    def _shown(self) -> str:
        return operation(self.request.method, self.request.url)


class Wire:
    """A pool of connections. Must be made and closed in a running event loop."""

    def __init__(self, user_agent: str, patience: Patience) -> None:
        self._patience = patience
        self._fast = aiohttp.ClientTimeout(total=None, sock_connect=patience.connect, sock_read=patience.silence)
        self._slow = aiohttp.ClientTimeout(total=None, sock_connect=patience.connect, sock_read=patience.digestion)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30, ttl_dns_cache=10),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": user_agent},
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_BUFFER,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            skip_auto_headers=("Accept-Encoding", "Content-Type"),
        )

    async def close(self) -> None:
        await self._session.close()

    async def send(self, request: Request, tls: ssl.SSLContext | None, proxy: str | None) -> Answer:
        """``tls`` is None for plain HTTP. Raises Fault."""
        headers = dict(request.headers)
        if request.length is not None:
            headers["Content-Length"] = str(request.length)
        patience = self._patience
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(clock() + patience.connect + patience.silence) as limit:
                body = request.body
                response = await self._session.request(
                    request.method,
                    URL(request.url, encoded=True),
                    headers=headers,
                    data=_watched(body(), limit, patience) if callable(body) else body,
                    allow_redirects=False,
                    ssl=tls if tls is not None else True,
                    proxy=proxy,
                    timeout=self._slow if callable(body) else self._fast,
                )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise goerrors.fault(request.method, request.url, error, connected=False) from error
        return Answer(request, response)


async def _watched(pieces: AsyncIterator[bytes], limit: asyncio.Timeout, patience: Patience) -> AsyncIterator[bytes]:
    """The same pieces; ``limit`` runs while the server takes one, and not while the next one is made."""
    clock = asyncio.get_running_loop().time

    def reschedule(seconds: float | None) -> None:
        with contextlib.suppress(RuntimeError):  # over: the server answered before it had everything
            limit.reschedule(None if seconds is None else clock() + seconds)

    reschedule(None)
    async for piece in pieces:
        reschedule(patience.silence)
        yield piece
        reschedule(None)
    reschedule(patience.digestion)
