"""Uploads of blobs: whole in one request, or in pieces, taken up again where the registry says it stopped.

::

    POST /v2/NAME/blobs/uploads/[?mount=DIGEST&from=NAME]    202 and a Location: a session (201: mounted, all done)
    PATCH LOCATION, Content-Range: FIRST-LAST                202, the next Location, and Range: 0-LAST
    PUT LOCATION?digest=DIGEST                               201: with the whole blob, its last piece, or nothing
    GET LOCATION                                             204, Range: 0-LAST: what has come so far
    DELETE LOCATION                                          the session is given up

Source: distribution-spec, "Pushing blobs".
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from corral.image.distribution.registry import scopes
from corral.image.distribution.registry.backoff import delay
from corral.image.distribution.registry.channel import Channel
from corral.image.distribution.registry.faults import Fault, Nonsense, Refused, Unreachable
from corral.image.distribution.registry.request import Body, Request, operation
from corral.oci.digest import Digest, algorithm_of

if TYPE_CHECKING:
    from corral.image.distribution.registry.wire import Answer

Progress = Callable[[int], None]
"""Called with the number of bytes that have been sent so far; a smaller one than before when it starts anew."""

_OCTETS: Final = {"Content-Type": "application/octet-stream"}
_RANGE: Final = re.compile(r"(?:bytes=)?0-(\d+)", re.ASCII)
_PIECE: Final = 16 << 20
_LARGEST_PIECE: Final = 1 << 30
_TOO_LARGE: Final = 413
_OUT_OF_ORDER: Final = 416


async def mount(channel: Channel, name: str, digest: str, source: str) -> str | None:
    """None when the registry took the blob from ``source``; else the location of the session that it began instead."""
    query = urlencode({"mount": digest, "from": source})
    answer = await channel.send(
        Request("POST", channel.url(f"{name}/blobs/uploads/?{query}"), {"Content-Length": "0"}, b""),
        (201, 202),
        also=scopes.repository(source, "pull"),
    )
    answer.release()
    return None if answer.status == 201 else _location(channel, answer)


async def begin(channel: Channel, name: str, algorithm: str = "sha256") -> tuple[str, int]:
    """A session: its location, and how large a piece must be at least."""
    query = "" if algorithm == "sha256" else f"?digest-algorithm={algorithm}"
    answer = await channel.send(
        Request("POST", channel.url(f"{name}/blobs/uploads/{query}"), {"Content-Length": "0"}, b""), (202,)
    )
    answer.release()
    smallest = answer.headers.get("OCI-Chunk-Min-Length", "")
    return _location(channel, answer), int(smallest) if smallest.isascii() and smallest.isdigit() else 0


async def cancel(channel: Channel, location: str) -> None:
    """Nothing is raised: a registry drops sessions by itself after a while."""
    with contextlib.suppress(Fault):
        (await channel.send(Request("DELETE", location), (202, 204, 200), attempts=1)).release()


def _location(channel: Channel, answer: Answer) -> str:
    where = operation(answer.request.method, answer.request.url)
    location = answer.headers.get("Location", "")
    if not location:
        raise Nonsense(f"{where}: the answer has no Location header")
    return channel.leads(answer.request.url, location, where)


def closing(location: str, digest: str) -> str:
    """The location with the digest in its query, which may hold the state of the session already."""
    return f"{location}{'&' if '?' in location else '?'}{urlencode({'digest': digest})}"


class Upload:
    """One blob on its way. ``size`` is None and ``digest`` a function where both are known only at the stream's end."""

    def __init__(
        self,
        channel: Channel,
        name: str,
        digest: Digest | Callable[[], Digest],
        size: int | None,
        source: Body,
        progress: Progress,
    ) -> None:
        self._channel = channel
        self._name = name
        self._digest = digest
        self._size = size
        self._source = source
        self._progress = progress
        self._piece = channel.server.config.chunk
        self._location = ""

    async def run(self, location: str = "") -> None:
        """``location``: of a session that is there already. Raises Fault."""
        attempts = self._channel.server.config.attempts
        attempt = 1
        while True:
            try:
                await self._once(location)
                return
            except Fault as fault:
                self._channel.server.lost(fault)
                location = ""
                if isinstance(fault, Refused) and fault.status == _TOO_LARGE and not self._piece:
                    self._piece = _PIECE  # a proxy before the registry limits what one request may hold
                    continue
                if isinstance(fault, Unreachable) and (self._size or 0) > _PIECE:
                    self._piece = self._piece or _PIECE  # what has arrived need not be sent again
                if not fault.transient or attempt >= attempts:
                    raise
                await asyncio.sleep(delay(attempt, fault, self._channel.server.config.patience))
            attempt += 1

    async def _once(self, location: str) -> None:
        algorithm = "sha256" if callable(self._digest) else algorithm_of(self._digest)
        smallest = 0
        if not location:
            location, smallest = await begin(self._channel, self._name, algorithm)
        self._location = location
        try:
            if self._size is not None and not callable(self._digest) and not self._piece:
                await self._whole(self._digest, self._size)
            else:
                await self._in_pieces(min(max(self._piece or _PIECE, smallest), _LARGEST_PIECE))
        except BaseException:
            # a session that is left may go on for days on the registry's disk
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(asyncio.wait_for(cancel(self._channel, self._location), 5))
            raise

    async def _whole(self, digest: Digest, size: int) -> None:
        answer = await self._channel.send(
            Request("PUT", closing(self._location, digest), _OCTETS, lambda: self._counted(0), size),
            (201, 204, 200, 202),
            attempts=1,
        )
        answer.release()

    async def _in_pieces(self, length: int) -> None:
        """Each piece is held in memory, so that it can be sent again."""
        sent = 0
        async with aclosing(_pieces(self._source(), length)) as pieces:
            async for piece in pieces:
                sent = await self._piece_from(sent, piece)
                self._progress(sent)
        if self._size is not None and sent != self._size:
            raise Nonsense(f"blob has {sent} bytes, expected {self._size}")
        digest = self._digest() if callable(self._digest) else self._digest
        answer = await self._channel.send(
            Request("PUT", closing(self._location, digest), {"Content-Length": "0"}, b""), (201, 204, 200, 202)
        )
        answer.release()

    async def _piece_from(self, start: int, piece: bytes) -> int:
        """Sends one piece that begins at ``start``; what the registry has of it already is not sent again."""
        end = start + len(piece)
        at = start
        attempts = self._channel.server.config.attempts
        for attempt in range(1, attempts + 1):
            rest = memoryview(piece)[at - start :]
            headers = {**_OCTETS, "Content-Range": f"{at}-{end - 1}"}
            try:
                answer = await self._channel.send(
                    Request("PATCH", self._location, headers, bytes(rest) if at > start else piece), (202,), attempts=1
                )
                answer.release()
                self._location = _location(self._channel, answer)
                at = _received(answer.headers.get("Range", ""), end)
            except Fault as fault:
                out_of_order = isinstance(fault, Refused) and fault.status == _OUT_OF_ORDER
                if attempt == attempts or not (out_of_order or fault.transient):
                    raise
                await asyncio.sleep(delay(attempt, fault, self._channel.server.config.patience))
                at = await self._ask()
            if at == end:
                return end
            if not start <= at < end:
                raise Nonsense(f"upload of {self._name}: the registry has {at} bytes, expected {start} to {end}")
        raise Unreachable(f"upload of {self._name}: stopped after {attempts} attempts at byte {at}", connected=True)

    async def _ask(self) -> int:
        """How many bytes the registry has."""
        answer = await self._channel.send(Request("GET", self._location), (204, 200, 202))
        answer.release()
        if answer.headers.get("Location"):
            self._location = _location(self._channel, answer)
        return _received(answer.headers.get("Range", ""), 0)

    async def _counted(self, sent: int) -> AsyncIterator[bytes]:
        self._progress(sent)
        async for piece in self._source():
            yield piece
            sent += len(piece)
            self._progress(sent)


async def _pieces(source: AsyncIterator[bytes], length: int) -> AsyncGenerator[bytes, None]:
    """The same bytes in pieces of ``length``, and a last one."""
    held: list[bytes] = []
    size = 0
    async for piece in source:
        while size + len(piece) >= length:
            cut = length - size
            held.append(piece[:cut])
            yield b"".join(held)
            piece, held, size = piece[cut:], [], 0
        if piece:
            held.append(piece)
            size += len(piece)
    if size:
        yield b"".join(held)


def _received(text: str, default: int) -> int:
    """How many bytes ``Range`` says; registries answer ``0-0`` to none as well as to one, and nobody sends one."""
    match = _RANGE.fullmatch(text.strip())
    if not match:
        return default
    return int(match[1]) + 1 if int(match[1]) else 0
