"""One client connection: requests one after the other, streamed answers, hijack.

A handler runs as one task. It is cancelled when the client goes away while the answer is being streamed (nobody reads
it); a handler that has not begun to answer runs to its end, because its effect (start, remove) was asked for.
A client that shuts down its sending side counts as gone, as in Docker, unless its connection is being hijacked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from corral.api.server.http.body import Framing, framing
from corral.api.server.http.head import MAX_HEAD, BadRequest, Head, parse_head
from corral.api.server.http.outflow import Outflow
from corral.api.server.http.request import Request
from corral.api.server.http.response import Response, Stream, render_head
from corral.api.server.http.transport import SocketTransport, pump

__all__ = ["Connection", "Handler", "Owner"]

log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]
"""Answers every error itself; what it raises (other than BadRequest and ConnectionError) is a fault of the program."""

_BUFFERED: Final = 512 * 1024
"""Bytes received and not yet asked for at which the client is made to wait."""


_HEAD_PATIENCE: Final = 60.0
"""Seconds that a request's head may take from its first byte to its last."""

_LINGER: Final = 1.0
"""Seconds for which a client that was refused may go on sending: closing with input unread would cost it the answer."""


class Owner(Protocol):
    """The server that the connection belongs to."""

    handler: Handler
    common_headers: str
    closing: bool
    connections: set[Connection]

    def error_response(self, error: BadRequest) -> Response: ...


class Connection(asyncio.Protocol):
    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._scanned = 0
        self._head: Head | None = None
        self._body: Framing | None = None
        self._task: asyncio.Task[None] | None = None
        self._eof = False
        self._streaming = False
        self._expects_continue = False
        self._paused = False
        self._hijacked = False
        self._refused = False
        self._patience: asyncio.TimerHandle | None = None
        self._more: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The request that is being answered."""
        return self._task

    @property
    def streaming(self) -> bool:
        """The answer is a stream that has begun."""
        return self._streaming

    def close(self) -> None:
        """Ends an idle connection, or one whose request is to be abandoned."""
        if self._task is not None:
            self._task.cancel()
        else:
            self._transport.close()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._owner.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._received += data
        if self._task is None:
            self._next_request()
        elif self._more is not None:
            _wake(self._more)
        if self._task is not None and len(self._received) > _BUFFERED and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._eof = True
        if self._more is not None:
            _wake(self._more)
        if self._task is None:
            return False
        if self._streaming:
            self._task.cancel()
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._owner.connections.discard(self)
        self._eof = True
        self._end_patience()
        for waiter in (self._more, self._writable):
            if waiter is not None:
                _wake(waiter)
        if self._task is not None and self._streaming:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            _wake(self._writable)
            self._writable = None

    # Requests.

    def _next_request(self) -> None:
        """Starts answering if a whole head has arrived."""
        received = self._received
        while received.startswith(b"\r\n"):
            del received[:2]
        end = received.find(b"\r\n\r\n", max(0, self._scanned - 3))
        if end < 0:
            self._scanned = len(received)
            if len(received) > MAX_HEAD:
                self._refuse(BadRequest("request header fields are too large", 431))
            elif received and self._patience is None:
                late = BadRequest("the request's header did not arrive in time", 408)
                self._patience = self._loop.call_later(_HEAD_PATIENCE, self._refuse, late)
            return
        self._scanned = 0
        self._end_patience()
        try:
            if end > MAX_HEAD:
                raise BadRequest("request header fields are too large", 431)
            head = parse_head(received[:end])
        except BadRequest as error:
            self._refuse(error)
            return
        del received[: end + 4]
        self._head = head
        self._body = framing(head.length)
        self._expects_continue = head.headers.get("expect", "").lower() == "100-continue"
        self._task = self._loop.create_task(self._answer(head))

    def _end_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse(self, error: BadRequest) -> None:
        self._end_patience()
        response = self._owner.error_response(error)
        self._refused = True
        self._received.clear()
        self._send_whole(response, head_only=False, keep_alive=False)
        if self._transport.can_write_eof():
            self._transport.write_eof()
            self._loop.call_later(_LINGER, self._transport.close)
        else:
            self._transport.close()

    async def _answer(self, head: Head) -> None:
        keep_alive = False
        try:
            try:
                response = await self._owner.handler(Request(head, self))
            except BadRequest as error:
                response = self._owner.error_response(error)
            if self._hijacked:
                return
            keep_alive = head.keep_alive and not self._owner.closing and not self._eof
            if isinstance(response, Stream):
                keep_alive = keep_alive and not head.old
                await self._send_stream(response, head)
            else:
                self._send_whole(response, head.method == "HEAD", keep_alive)
            keep_alive = keep_alive and await self._skip_body()
        except ConnectionError:
            keep_alive = False
        except asyncio.CancelledError:
            keep_alive = False
            if not self._eof:
                raise
        except Exception:
            keep_alive = False
            log.exception("%s %s", head.method, head.target)
        finally:
            self._task = None
            self._streaming = False
            self._head = None
            if not keep_alive and not self._hijacked:
                self._transport.close()
        if keep_alive:
            self._resume()
            self._next_request()

    def _send_whole(self, response: Response, head_only: bool, keep_alive: bool) -> None:
        lines = "" if keep_alive else "Connection: close\r\n"
        if response.status not in (204, 304):
            lines += f"Content-Length: {len(response.body)}\r\n"
        data = render_head(response, self._owner.common_headers, lines)
        self._transport.write(data if head_only else data + response.body)

    async def _send_stream(self, response: Stream, head: Head) -> None:
        """Sends the parts as chunks; an old client gets them plain, ended by the end of the connection."""
        lines = "Connection: close\r\n" if head.old else "Transfer-Encoding: chunked\r\n"
        start = render_head(response, self._owner.common_headers, lines)
        if head.method == "HEAD":
            self._transport.write(start)
            return
        assert response.chunks is not None
        outflow = Outflow(self._loop, self._transport, start, chunked=not head.old)
        try:
            async with _closing(response.chunks) as chunks:
                if self._eof:
                    raise ConnectionResetError("the client has gone")
                self._streaming = True
                if response.flush:
                    outflow.flush()
                async for chunk in chunks:
                    if chunk and outflow.write(chunk):
                        await self._drain()
            self._streaming = False
            outflow.finish()
        finally:
            outflow.cancel()

    async def _drain(self) -> None:
        if self._transport.is_closing():
            raise ConnectionResetError("the client has gone")
        if self._writable is not None:
            await self._writable
        else:
            await asyncio.sleep(0)

    # The body.

    async def read_body(self) -> bytes:
        """See `BodySource`."""
        assert self._body is not None
        while True:
            part = self._body.take(self._received)
            self._resume()
            if part or self._body.done:
                return part
            if self._eof:
                raise ConnectionResetError("the client has gone")
            if self._expects_continue:
                self._expects_continue = False
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._more = self._loop.create_future()
            try:
                await self._more
            finally:
                self._more = None

    async def _skip_body(self) -> bool:
        """Reads what the handler left of the body, if it is short; else the connection is not worth keeping."""
        assert self._body is not None
        if self._body.done:
            return True
        if self._expects_continue:
            return False
        left = _BUFFERED
        while left > 0:
            part = await self.read_body()
            if not part:
                return True
            left -= len(part)
        return False

    def _resume(self) -> None:
        if self._paused and len(self._received) <= _BUFFERED:
            self._paused = False
            self._transport.resume_reading()

    # Hijack.

    async def hijack(self, head: bytes) -> tuple[int, bytes]:
        """Sends ``head``, then gives the connected socket away with what the client has sent beyond its request."""
        while await self.read_body():
            pass
        self._transport.set_write_buffer_limits(0)
        self._transport.write(head)
        if self._writable is not None:
            await self._writable
        if self._transport.is_closing():
            raise ConnectionResetError("the client has gone")
        self._hijacked = True
        already_read = bytes(self._received)
        self._received.clear()
        if isinstance(self._transport, SocketTransport):
            sock = self._transport.detach()
        else:
            sock = pump(self._loop, self._transport, self._eof)
        self._owner.connections.discard(self)
        return sock.detach(), already_read


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


@contextlib.asynccontextmanager
async def _closing(chunks: AsyncIterator[bytes]) -> AsyncIterator[AsyncIterator[bytes]]:
    """Closes an asynchronous generator for certain, so that its cleanup runs now and not at garbage collection."""
    try:
        yield chunks
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()
