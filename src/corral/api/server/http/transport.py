"""A connected socket under the event loop that can be taken out of it again whole.

asyncio's own transports cannot give their socket away, and accepting through them takes three turns of the loop.
`SocketTransport` has the interface of theirs, as has `tls.TlsTransport`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any, Final

__all__ = ["SocketTransport", "pump"]

_RECEIVE: Final = 64 * 1024
"""Each read is given memory of this size; beyond 128 KiB the C library would ask the kernel for it."""
_HIGH: Final = 256 * 1024
_LOW: Final = 64 * 1024


class SocketTransport(asyncio.Transport):
    """Non-blocking stream socket <-> asyncio.Protocol. The protocol's connection_made has been called on return."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, protocol: asyncio.Protocol) -> None:
        super().__init__({"socket": sock})
        self._loop = loop
        self._sock = sock
        self._fd = sock.fileno()
        self._protocol = protocol
        self._pending = bytearray()
        self._reading = True
        self._closing = False
        self._throttled = False
        self._high, self._low = _HIGH, _LOW
        self._eof_after_pending = False
        protocol.connection_made(self)
        loop.add_reader(self._fd, self._read)

    def read_now(self) -> None:
        """Reads without waiting for the loop to find out that there is something."""
        self._read()

    def _read(self) -> None:
        if not self._reading or self._closing:
            return
        try:
            data = self._sock.recv(_RECEIVE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lost(error)
            return
        if data:
            self._protocol.data_received(data)
            return
        self._stop_reading()
        if not self._protocol.eof_received():
            self.close()

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._fd)

    def pause_reading(self) -> None:
        if not self._closing:
            self._stop_reading()

    def resume_reading(self) -> None:
        if not self._reading and not self._closing:
            self._reading = True
            self._loop.add_reader(self._fd, self._read)

    def is_reading(self) -> bool:
        return self._reading

    def write(self, data: Any) -> None:
        if self._closing or self._eof_after_pending or not data:
            return
        sent = 0
        if not self._pending:
            try:
                sent = self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                self._lost(error)
                return
            if sent == len(data):
                return
            self._loop.add_writer(self._fd, self._write_pending)
        self._pending += memoryview(data)[sent:]
        if len(self._pending) > self._high and not self._throttled:
            self._throttled = True
            self._protocol.pause_writing()

    def _write_pending(self) -> None:
        try:
            sent = self._sock.send(self._pending)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lost(error)
            return
        del self._pending[:sent]
        if self._throttled and len(self._pending) <= self._low:
            self._throttled = False
            self._protocol.resume_writing()
        if not self._pending:
            self._loop.remove_writer(self._fd)
            if self._closing:
                self._finish(None)
            elif self._eof_after_pending:
                self._shutdown_write()

    def get_write_buffer_size(self) -> int:
        return len(self._pending)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = _HIGH if high is None else high
        self._low = self._high // 4 if low is None else low

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._eof_after_pending:
            self._eof_after_pending = True
            if not self._pending:
                self._shutdown_write()

    def _shutdown_write(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Closes once everything written has been sent."""
        if self._closing:
            return
        self._stop_reading()
        self._closing = True
        if not self._pending:
            self._loop.call_soon(self._finish, None)

    def abort(self) -> None:
        self._lost(None)

    def _lost(self, error: OSError | None) -> None:
        if self._fd < 0:
            return
        self._stop_reading()
        self._closing = True
        if self._pending:
            self._pending.clear()
            self._loop.remove_writer(self._fd)
        self._loop.call_soon(self._finish, error)

    def _finish(self, error: OSError | None) -> None:
        if self._fd < 0:
            return
        self._fd = -1
        self._sock.close()
        self._protocol.connection_lost(error)

    def detach(self) -> socket.socket:
        """The socket, out of the loop and untouched; the protocol hears no more. Everything written must be sent."""
        assert not self._pending and self._fd >= 0
        self._stop_reading()
        self._closing = True
        self._fd = -1
        return self._sock

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_protocol(self) -> asyncio.Protocol:
        return self._protocol


class _Pump(asyncio.Protocol):
    """Copies what arrives on one transport to another, no faster than that one takes it."""

    def __init__(self) -> None:
        self.target: asyncio.Transport | None = None

    def data_received(self, data: bytes) -> None:
        assert self.target is not None
        self.target.write(data)

    def eof_received(self) -> bool:
        assert self.target is not None
        if not self.target.can_write_eof():
            self.target.close()
            return False
        self.target.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        assert self.target is not None
        self.target.close()

    # These two are called for what is written *to* the source's peer, so they slow the other direction's reader.
    def pause_writing(self) -> None:
        assert self.target is not None
        self.target.pause_reading()

    def resume_writing(self) -> None:
        assert self.target is not None
        self.target.resume_reading()


def pump(loop: asyncio.AbstractEventLoop, outer: asyncio.Transport, ended: bool) -> socket.socket:
    """For a connection whose bytes are not the socket's (TLS): a socket whose other end is copied to and from it.

    ``ended``: the client has sent all that it will send.
    """
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    outward, inward = _Pump(), _Pump()
    inward.target = outer
    outward.target = SocketTransport(loop, ours, inward)
    outer.set_protocol(outward)
    if ended:
        outward.eof_received()
    else:
        outer.resume_reading()
    return theirs
