"""Listening sockets, their connections, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from typing import Final

from corral.api.server.http.connection import Connection, Handler
from corral.api.server.http.head import BadRequest
from corral.api.server.http.response import Response
from corral.api.server.http.tls import TlsTransport
from corral.api.server.http.transport import SocketTransport

__all__ = ["HttpServer"]

log = logging.getLogger(__name__)

_ACCEPTS: Final = 64
"""Connections accepted in one turn of the loop."""

_RETRY: Final = 0.5
"""Seconds to stop accepting when file descriptors are exhausted."""


class HttpServer:
    """``common_headers``: header lines, each ended by CRLF, that every response begins with."""

    def __init__(self, handler: Handler, common_headers: str = "") -> None:
        self.handler = handler
        self.common_headers = common_headers
        self.closing = False
        self.connections: set[Connection] = set()
        self._listening: list[socket.socket] = []

    def error_response(self, error: BadRequest) -> Response:
        return Response(error.status, error.message.encode() + b"\n", "text/plain; charset=utf-8")

    async def listen(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Accepts on ``sock``, which is bound and listening and belongs to the server from now on."""
        loop = asyncio.get_running_loop()
        sock.setblocking(False)
        self._listening.append(sock)
        loop.add_reader(sock.fileno(), self._accept, loop, sock, tls)

    def _accept(self, loop: asyncio.AbstractEventLoop, listening: socket.socket, tls: ssl.SSLContext | None) -> None:
        for _ in range(_ACCEPTS):
            try:
                sock, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                log.warning("cannot accept connections: %s", error.strerror)
                loop.remove_reader(listening.fileno())
                loop.call_later(_RETRY, self._accept_again, loop, listening, tls)
                return
            sock.setblocking(False)
            if sock.family != socket.AF_UNIX:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is None:
                SocketTransport(loop, sock, Connection(self)).read_now()
            else:
                TlsTransport(loop, sock, tls, Connection(self))

    def _accept_again(
        self, loop: asyncio.AbstractEventLoop, listening: socket.socket, tls: ssl.SSLContext | None
    ) -> None:
        if not self.closing:
            loop.add_reader(listening.fileno(), self._accept, loop, listening, tls)

    def stop_accepting(self) -> None:
        """Closes the listening sockets and the idle connections; requests under way go on."""
        self.closing = True
        loop = asyncio.get_running_loop()
        for sock in self._listening:
            loop.remove_reader(sock.fileno())
            sock.close()
        self._listening.clear()
        for connection in tuple(self.connections):
            if connection.task is None:
                connection.close()

    async def finish(self, timeout: float) -> None:
        """After `stop_accepting`: gives requests under way ``timeout`` seconds, streams none, then ends them all."""
        for connection in tuple(self.connections):
            if connection.streaming:
                connection.close()
        busy = [connection.task for connection in self.connections if connection.task is not None]
        if busy:
            await asyncio.wait(busy, timeout=timeout)
        for connection in tuple(self.connections):
            connection.close()
        busy = [connection.task for connection in self.connections if connection.task is not None]
        if busy:
            await asyncio.wait(busy, timeout=1)
