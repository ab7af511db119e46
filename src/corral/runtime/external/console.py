"""The socket at which a runtime delivers the master of a terminal: ``--console-socket``."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress

from corral.linux import fd as descriptors
from corral.runtime.supervisor.loop import IN, Loop
from corral.runtime.supervisor.records import remove_file

_LIMIT = 4096


class ConsoleSocket:
    """One that accepts one connection and one descriptor. ``received`` owns that."""

    def __init__(self, loop: Loop, path: str, received: Callable[[int], None]) -> None:
        """Raises OSError."""
        self._loop = loop
        self._path = path
        self._received = received
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._connection: socket.socket | None = None
        # The address of a socket has 108 bytes, a path more: it is named by a descriptor of its directory.
        self._directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        remove_file(path)
        self._listener.bind(f"/proc/self/fd/{self._directory}/{os.path.basename(path)}")
        self._listener.listen(1)
        loop.add(self._listener.fileno(), IN, self._accept, self.close)

    @property
    def address(self) -> str:
        """Short, for another process of root's, as long as this one is not closed."""
        return f"/proc/{os.getpid()}/fd/{self._directory}/{os.path.basename(self._path)}"

    def settle(self) -> None:
        """The runtime has ended: what it has sent is here. Closes."""
        if self._connection is None and self._listener.fileno() >= 0:
            self._accept(0)
        if self._connection is not None:
            self._receive(0)
        self.close()

    def close(self) -> None:
        if self._directory < 0:
            return
        for sock in (self._listener, self._connection):
            if sock is not None and sock.fileno() >= 0:
                self._loop.remove(sock.fileno())
                sock.close()
        os.close(self._directory)
        self._directory = -1
        remove_file(self._path)

    def _accept(self, _events: int) -> None:
        with suppress(BlockingIOError):
            self._connection, _ = self._listener.accept()
            self._connection.setblocking(False)
            self._loop.add(self._connection.fileno(), IN, self._receive, self.close)
            self._loop.remove(self._listener.fileno())
            self._listener.close()

    def _receive(self, _events: int) -> None:
        if self._connection is None or self._connection.fileno() < 0:
            return
        try:
            _, fds = descriptors.recv_fds(self._connection, _LIMIT, 4)
        except BlockingIOError:
            return
        self._loop.remove(self._connection.fileno())
        self._connection.close()
        if fds:
            descriptors.close_all(fds[1:])
            self._received(fds[0])
