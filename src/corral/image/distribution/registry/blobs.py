"""Downloads of blobs that survive broken connections.

A body that breaks off is asked for again from where it stopped, by a range; as long as much of it comes, the number of
attempts starts anew. Sizes are checked here, digests by whoever stores the bytes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from corral.image.distribution.registry.backoff import delay
from corral.image.distribution.registry.channel import Channel
from corral.image.distribution.registry.faults import Fault, Nonsense, Refused, Unreachable
from corral.image.distribution.registry.pace import Pace
from corral.image.distribution.registry.request import Request, operation
from corral.oci.image import Descriptor

if TYPE_CHECKING:
    from corral.image.distribution.registry.wire import Answer

_PROGRESS: Final = 1 << 20
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)", re.ASCII)


async def exists(channel: Channel, name: str, digest: str) -> int | None:
    """The size of a blob that the repository holds; None when it is not known to: HEAD tells no reasons, so what else a
    registry has against it is left for the upload to find out. Raises Fault."""
    try:
        answer = await channel.send(Request("HEAD", _url(channel, name, digest)))
    except Refused as fault:
        if fault.transient:
            raise
        return None
    answer.release()
    return answer.length or 0


class Download:
    """The bytes of one blob from ``position`` on; ``position`` moves on with what has been handed out."""

    def __init__(self, name: str, blob: Descriptor, position: int) -> None:
        self.name = name
        self.blob = blob
        self.position = position

    async def pieces(self, channel: Channel) -> AsyncGenerator[bytes, None]:
        """Raises Fault when ``channel`` cannot give the rest."""
        attempt = 1
        while True:
            before = self.position
            try:
                async with aclosing(self._body(channel)) as body:
                    async for piece in body:
                        yield piece
                return
            except Fault as fault:
                channel.server.lost(fault)
                if self.position - before >= _PROGRESS:
                    attempt = 1
                begun = self.position > 0
                patient = fault.transient if begun else isinstance(fault, Unreachable) and fault.connected
                if isinstance(fault, Refused) or not patient or attempt >= channel.server.config.attempts:
                    raise  # a refusal has been tried again by the channel already
                await asyncio.sleep(delay(attempt, fault, channel.server.config.patience))
                attempt += 1

    async def _body(self, channel: Channel) -> AsyncGenerator[bytes, None]:
        if self.position == self.blob.size:
            return
        headers = {"Accept-Encoding": "identity"}
        if self.position:
            headers["Range"] = f"bytes={self.position}-"
        request = Request("GET", _url(channel, self.name, self.blob.digest), headers)
        answer = await channel.send(request, (200, 206) if self.position else (200,))
        try:
            skip = self._check(answer, request)
            pace = Pace(channel.server.config.patience, operation(request.method, request.url))
            async with aclosing(pace.watch(answer.pieces())) as pieces:
                async for piece in pieces:
                    if skip:
                        piece, skip = piece[skip:], max(skip - len(piece), 0)
                        if not piece:
                            continue
                    if self.position + len(piece) > self.blob.size:
                        raise Nonsense(f"blob {self.blob.digest} is longer than {self.blob.size} bytes")
                    self.position += len(piece)
                    yield piece
            if self.position < self.blob.size:
                raise Unreachable(f"{operation('GET', request.url)}: unexpected EOF", connected=True)
        finally:
            if self.position == self.blob.size:
                answer.release()
            else:
                answer.close()

    def _check(self, answer: Answer, request: Request) -> int:
        """How many bytes at the beginning of the body are not wanted."""
        where = operation(request.method, request.url)
        size = self.blob.size
        if answer.status == 200:
            if answer.length is not None and answer.length != size:
                raise Nonsense(f"blob {self.blob.digest} has {answer.length} bytes, expected {size}")
            return self.position  # a server without ranges
        match = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if not match or int(match[1]) > self.position:
            raise Nonsense(f"{where}: range {answer.headers.get('Content-Range', '')!r} was not asked for")
        if match[3] != "*" and int(match[3]) != size:
            raise Nonsense(f"blob {self.blob.digest} has {match[3]} bytes, expected {size}")
        return self.position - int(match[1])


def _url(channel: Channel, name: str, digest: str) -> str:
    return channel.url(f"{name}/blobs/{digest}")
