"""TLS over a `SocketTransport`, with the half-close that asyncio's own TLS does not have.

A client that has sent all of its stdin says so by close_notify and goes on reading (``docker run -i`` does); asyncio
ends the whole connection there, and with it the container's output.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from typing import Any, Final

from corral.api.server.http.transport import SocketTransport

__all__ = ["TlsTransport"]

log = logging.getLogger(__name__)

_HANDSHAKE: Final = 15.0
"""Seconds."""

_READ: Final = 256 * 1024


class TlsTransport(asyncio.Transport):
    """The protocol's connection_made is called when the handshake is done, and not at all if it fails."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, context: ssl.SSLContext, protocol: asyncio.Protocol
    ) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._ready = False
        self._ended = False
        self._paused = False
        self._closing = False
        self._below = SocketTransport(loop, sock, _Records(self))
        self._timer = loop.call_later(_HANDSHAKE, self._below.abort)

    # From below.

    def records_received(self, data: bytes) -> None:
        self._incoming.write(data)
        self._advance()

    def records_ended(self) -> None:
        self._incoming.write_eof()
        self._advance()

    def lost(self, error: Exception | None) -> None:
        self._timer.cancel()
        self._closing = True
        if self._ready:
            self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def _advance(self) -> None:
        try:
            if not self._ready:
                self._tls.do_handshake()
                self._ready = True
                self._timer.cancel()
                self._protocol.connection_made(self)
            while not (self._paused or self._ended or self._closing):
                data = self._tls.read(_READ)
                if not data:
                    self._end()
                    break
                self._protocol.data_received(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLEOFError:
            self._end()
        except ssl.SSLError as error:
            log.info("TLS: %s", error.reason or error)
            self._flush()
            self._below.close()
            return
        self._flush()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            if not self._ready or not self._protocol.eof_received():
                self.close()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._below.write(self._outgoing.read())

    # From above.

    def write(self, data: Any) -> None:
        if self._closing or not data:
            return
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            log.info("TLS: %s", error.reason or error)
            self._below.abort()
            return
        self._flush()

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self._paused = True
        self._below.pause_reading()

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            if not self._ended:
                self._below.resume_reading()
                self._loop.call_soon(self._advance)

    def get_write_buffer_size(self) -> int:
        return self._below.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._below.set_write_buffer_limits(high, low)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Says close_notify, and closes once everything has been sent."""
        if self._closing:
            return
        self._closing = True
        if self._ready:
            with contextlib.suppress(ssl.SSLError):  # the client's close_notify, which nobody waits for
                self._tls.unwrap()
            self._flush()
        self._below.close()

    def abort(self) -> None:
        self._below.abort()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_protocol(self) -> asyncio.Protocol:
        return self._protocol


class _Records(asyncio.Protocol):
    """What the socket's transport talks to."""

    def __init__(self, above: TlsTransport) -> None:
        self._above = above

    def data_received(self, data: bytes) -> None:
        self._above.records_received(data)

    def eof_received(self) -> bool:
        self._above.records_ended()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._above.lost(exc)

    def pause_writing(self) -> None:
        self._above.pause_writing()

    def resume_writing(self) -> None:
        self._above.resume_writing()
