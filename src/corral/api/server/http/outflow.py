"""The body of a streamed answer on its way to the transport: many small parts become few writes.

A log of short lines would otherwise cost a system call and a chunk for each. Parts are gathered until the loop's next
turn, which comes when whoever makes them has to wait, so that nothing is held back for longer than it takes to make
more.
"""

from __future__ import annotations

import asyncio
from typing import Final

__all__ = ["Outflow"]

_ENOUGH: Final = 64 * 1024
"""Bytes that are worth a write."""


class Outflow:
    """``head`` goes out with the first parts, or with `flush`. Without ``chunked`` the parts are sent as they are."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, head: bytes, *, chunked: bool
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._head = head
        self._chunked = chunked
        self._parts: list[bytes] = []
        self._size = 0
        self._turn: asyncio.Handle | None = None

    def write(self, part: bytes) -> bool:
        """True when it is time to let others have the loop."""
        self._parts.append(part)
        self._size += len(part)
        if self._size >= _ENOUGH:
            self.flush()
            return True
        if self._turn is None:
            self._turn = self._loop.call_soon(self.flush)
        return False

    def flush(self) -> None:
        self._transport.write(self._take())

    def finish(self) -> None:
        """The end of the body, with all that is left of it."""
        self._transport.write(self._take() + (b"0\r\n\r\n" if self._chunked else b""))

    def cancel(self) -> None:
        """Nothing more is sent. Harmless after `finish`."""
        if self._turn is not None:
            self._turn.cancel()

    def _take(self) -> bytes:
        self.cancel()
        self._turn = None
        head, self._head = self._head, b""
        if not self._size:
            return head
        body = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return b"%b%x\r\n%b\r\n" % (head, len(body), body) if self._chunked else head + body
