"""What a request carries: its query, its ranges, its body; each limited in size and in time.

Source: RFC 9110, sections 14.1 (ranges) and 13.1 (conditions); OCI distribution-spec 1.1, "Pushing a blob in chunks".
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge

from corral.registry.refusals import REQUEST_INVALID, SIZE_INVALID, TOO_SLOW, UPLOAD_INVALID, UPLOAD_RANGE, Refusal

__all__ = ["Query", "byte_range", "chunk_range", "pieces", "whole"]

_PATIENCE: Final = 60.0
"""Seconds that a body may pause."""
_PIECE: Final = 1 << 20
_PARAMETERS: Final = 100
_CHUNK: Final = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]+|\*))?", re.ASCII)
_RANGE: Final = re.compile(r"bytes=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.ASCII | re.IGNORECASE)


class Query:
    """The parameters of a request, decoded. Of one that was given twice the first counts."""

    __slots__ = ("_values",)

    def __init__(self, text: str) -> None:
        try:
            self._values = parse_qsl(text, keep_blank_values=True, max_num_fields=_PARAMETERS) if text else []
        except ValueError:
            raise Refusal(REQUEST_INVALID, f"more than {_PARAMETERS} parameters") from None

    def get(self, name: str) -> str:
        return next((value for key, value in self._values if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self._values if key == name]

    def has(self, name: str) -> bool:
        return any(key == name for key, _ in self._values)


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """(offset, count) of one range of ``size`` bytes; None: all of it, as for several ranges or none that is one.

    Raises ValueError when it lies outside.
    """
    match = _RANGE.fullmatch(header)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        count = min(int(last), size)
        if count == 0:
            raise ValueError("nothing is asked for")
        return size - count, count
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if start >= size or (last and int(last) < start):
        raise ValueError("outside of the content")
    return start, end - start + 1


def chunk_range(request: web.BaseRequest) -> tuple[int, int] | None:
    """First byte and count by Content-Range; None when there is none. Raises Refusal."""
    header = request.headers.get("Content-Range")
    if header is None:
        return None
    match = _CHUNK.fullmatch(header.strip())
    if match is None:
        raise Refusal(UPLOAD_INVALID, "content range must be FIRST-LAST")
    first, last = int(match[1]), int(match[2])
    if last < first:
        raise Refusal(UPLOAD_RANGE, "content range ends before it begins")
    count = last - first + 1
    length = request.headers.get("Content-Length")
    if length is not None and length.isdecimal() and int(length) != count:
        raise Refusal(SIZE_INVALID, f"content range has {count} bytes, content length {length}")
    return first, count


async def pieces(request: web.BaseRequest) -> AsyncIterator[bytes]:
    """The body in pieces of about a megabyte. Raises Refusal when it stalls, ConnectionError when it breaks off."""
    gathered: list[bytes] = []
    size = 0
    content = request.content
    while True:
        try:
            async with asyncio.timeout(_PATIENCE):
                piece = await content.readany()
        except TimeoutError:
            raise Refusal(TOO_SLOW) from None
        except (web.RequestPayloadError, asyncio.IncompleteReadError) as error:
            raise ConnectionResetError(str(error)) from None
        if not piece:
            break
        gathered.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield b"".join(gathered)
            gathered.clear()
            size = 0
    if gathered:
        yield b"".join(gathered)


async def whole(request: web.BaseRequest, maximum: int, refusal: Refusal) -> bytes:
    """The body; raises ``refusal`` when it is larger."""
    length = request.content_length
    if length is not None and length > maximum:
        raise refusal
    gathered = bytearray()
    try:
        async for piece in pieces(request):
            gathered += piece
            if len(gathered) > maximum:
                raise refusal
    except HTTPRequestEntityTooLarge:
        raise refusal from None
    return bytes(gathered)
