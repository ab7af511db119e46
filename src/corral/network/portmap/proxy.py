"""Serves the host addresses that the firewall cannot translate: IPv6, and everything where there is no firewall.

A connection that reaches a held port is passed on to the container byte by byte, from the daemon's own process, which
is in the host's network namespace. It lives as long as the daemon; connections to IPv4 addresses do not come this way.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Mapping
from typing import Final

from corral.network.portmap.ports import PortBinding

__all__ = ["Proxy"]

_CHUNK: Final = 65536
_PAUSE: Final = 0.5


class Proxy:
    """Accepts on listening sockets, which it does not own. ``address``: the container's."""

    def __init__(self, address: str, sockets: Mapping[PortBinding, socket.socket]) -> None:
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening = [
            (held, binding.container_port) for binding, held in sockets.items() if binding.proto == "tcp"
        ]
        for held, port in self._listening:
            self._loop.add_reader(held.fileno(), self._accept, held, port)

    def close(self) -> None:
        """Stops accepting and cuts what is connected. Before the sockets are closed. Idempotent."""
        for held, _ in self._listening:
            self._loop.remove_reader(held.fileno())
        self._listening.clear()
        for task in self._tasks:
            task.cancel()

    def _accept(self, held: socket.socket, port: int) -> None:
        try:
            client, _ = held.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                # The client waits in the backlog; asking again at once would only keep the loop busy.
                self._loop.remove_reader(held.fileno())
                self._loop.call_later(_PAUSE, self._listen_again, held, port)
            return
        client.setblocking(False)
        task = self._loop.create_task(self._serve(client, port))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _listen_again(self, held: socket.socket, port: int) -> None:
        if (held, port) in self._listening:
            self._loop.add_reader(held.fileno(), self._accept, held, port)

    async def _serve(self, client: socket.socket, port: int) -> None:
        with client, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
            server.setblocking(False)
            try:
                await self._loop.sock_connect(server, (self._address, port))
                async with asyncio.TaskGroup() as both:  # neither may outlive the sockets
                    both.create_task(self._copy(client, server))
                    both.create_task(self._copy(server, client))
            except* OSError:
                pass  # nobody listens, or one of the two hung up

    async def _copy(self, source: socket.socket, target: socket.socket) -> None:
        while data := await self._loop.sock_recv(source, _CHUNK):
            await self._loop.sock_sendall(target, data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
