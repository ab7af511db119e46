"""Bodies that take their time: JSON lines, log frames, and connections that become a container's stdio."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from typing import Final

from corral.api.server.errors import error_message
from corral.api.server.http.request import Request, Upgrade
from corral.api.server.http.response import Stream
from corral.api.types.progress import ErrorDetail, Progress
from corral.api.types.wire import encode
from corral.errors import CorralError

__all__ = ["MULTIPLEXED", "RAW", "frame", "json_lines", "log_stream", "primed", "progress", "upgrader"]

RAW: Final = "application/vnd.docker.raw-stream"
MULTIPLEXED: Final = "application/vnd.docker.multiplexed-stream"

_MULTIPLEXED_SINCE: Final = (1, 42)
"""Before it, clients were told "raw" either way and had to ask inspect."""

_SYSTEM_ERROR: Final = 3
"""The stream of a frame that reports the daemon's own trouble (stdcopy)."""


def frame(stream: int, data: bytes) -> bytes:
    """A multiplexed frame: stream number, three zero bytes, length in network order, data."""
    return struct.pack(">BxxxL", stream, len(data)) + data


def stream_type(request: Request, multiplexed: bool) -> str:
    return MULTIPLEXED if multiplexed and request.api_version >= _MULTIPLEXED_SINCE else RAW


def log_stream(request: Request, chunks: AsyncIterator[tuple[int, bytes]], tty: bool) -> Stream:
    """Log output: frames, or the plain bytes of a terminal."""
    return Stream(content_type=stream_type(request, not tty), chunks=_log_chunks(chunks, tty))


async def _log_chunks(chunks: AsyncIterator[tuple[int, bytes]], tty: bool) -> AsyncIterator[bytes]:
    try:
        async for stream, data in chunks:
            yield data if tty else frame(stream, data)
    except CorralError as error:
        message = f"Error grabbing logs: {error_message(error)}\n".encode()
        yield message if tty else frame(_SYSTEM_ERROR, message)


def json_lines(items: AsyncIterator[object]) -> Stream:
    """One JSON value in a line each; the head is sent at once."""
    return Stream(content_type="application/json", chunks=_lines(items))


async def _lines(items: AsyncIterator[object]) -> AsyncIterator[bytes]:
    try:
        async for item in items:
            yield encode(item) + b"\n"
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()


async def progress(items: AsyncIterator[Progress]) -> Stream:
    """Progress of an operation. An error before the first line has a status of its own, later it is the last line."""
    first = await anext(items, None)
    return Stream(content_type="application/json", chunks=_progress_lines(first, items), flush=first is None)


async def _progress_lines(first: Progress | None, rest: AsyncIterator[Progress]) -> AsyncIterator[bytes]:
    if first is None:
        return
    yield encode(first) + b"\n"
    try:
        async for item in rest:
            yield encode(item) + b"\n"
    except ConnectionError:
        raise
    except Exception as error:
        message = error_message(error)
        yield encode(Progress(error_detail=ErrorDetail(message=message), error=message)) + b"\n"


async def primed(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Waits for the first part, so that what fails before it raises here, where the answer still has no status."""
    return _after(await anext(chunks, b""), chunks)


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


def upgrader(request: Request) -> Upgrade:
    """How attach and exec take the request's connection over; see `Upgrade`."""

    async def upgrade(multiplexed: bool) -> tuple[int, bytes]:
        content_type = stream_type(request, multiplexed)
        if "upgrade" in request.headers:
            head = f"HTTP/1.1 101 UPGRADED\r\nContent-Type: {content_type}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
        else:
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n"
        return await request.hijack(f"{head}\r\n".encode("latin-1"))

    return upgrade
