"""Blobs on their way out: by sendfile(2) from the page cache to the socket, or in pieces where TLS is in between."""

from __future__ import annotations

import asyncio
import os
from typing import IO, Final

from aiohttp import web

__all__ = ["FileAnswer"]

_SLICE: Final = 8 << 20
_PATIENCE: Final = 120.0
"""Seconds in which a client must take a slice."""
_PIECE: Final = 256 << 10


class FileAnswer(web.StreamResponse):
    """``count`` bytes of ``file`` from ``offset``. Closes the file when it is done."""

    _send_headers_immediately = True

    def __init__(self, status: int, headers: dict[str, str], file: IO[bytes], offset: int, count: int) -> None:
        super().__init__(status=status, headers=headers)
        self.content_length = count
        self._source = file
        self._offset = offset
        self._count = count

    async def send(self, request: web.BaseRequest) -> None:
        """Raises ConnectionError when the client goes away or takes nothing for too long."""
        with self._source:
            await self.prepare(request)
            if request.method != "HEAD":
                await self._send_body(request)
        await self.write_eof()

    async def _send_body(self, request: web.BaseRequest) -> None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("client is gone")
        plain = transport.get_extra_info("sslcontext") is None
        offset, left = self._offset, self._count
        while left:
            size = min(left, _SLICE)
            try:
                async with asyncio.timeout(_PATIENCE):
                    if plain:
                        sent = await asyncio.get_running_loop().sendfile(transport, self._source, offset, size)
                    else:
                        sent = await self._send_pieces(offset, size)
            except TimeoutError:
                transport.abort()
                raise ConnectionResetError("client is too slow") from None
            if sent < size:  # shorter than its size says: the connection must not look well
                transport.abort()
                raise ConnectionResetError("file is truncated")
            offset += sent
            left -= sent

    async def _send_pieces(self, offset: int, size: int) -> int:
        end = offset + size
        begin = offset
        while offset < end:
            piece = os.pread(self._source.fileno(), min(_PIECE, end - offset), offset)
            if not piece:
                break
            await self.write(piece)
            offset += len(piece)
        return offset - begin
