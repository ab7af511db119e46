"""A connection to a driver or to the keeper: messages out without ever blocking, messages in, one at a time."""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from corral.errors import Invalid
from corral.linux.fd import close_all
from corral.runtime.supervisor import protocol
from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.loop import IN, OUT, Loop
from corral.runtime.supervisor.protocol import Message

_QUEUE: Final = 20_000
"""Messages that may wait for a peer which does not read; then it is disconnected, and asks for the state when it is
back."""

Received = Callable[[Message, list[int]], None]
"""Called with a message and its descriptors, which the callee then owns."""


class Peer:
    def __init__(
        self, loop: Loop, sock: socket.socket, received: Received, gone: Callable[[], None], *, many: int = 16
    ) -> None:
        """Takes ``sock`` over. ``gone`` is called once. ``many``: messages handled in one turn."""
        self._loop = loop
        self._socket = sock
        self._received = received
        self._gone = gone
        self._many = many
        self._queue: deque[tuple[Message, list[int]]] = deque()
        sock.setblocking(False)
        loop.add(sock.fileno(), IN, self._ready, self.close)

    @property
    def fd(self) -> int:
        return self._socket.fileno()

    def send(self, message: Message, fds: Sequence[int] = ()) -> bool:
        """Send now or later; ``fds`` stay the caller's. False when the peer is gone."""
        if self._socket.fileno() < 0:
            return False
        if not self._queue:
            try:
                protocol.send(self._socket, message, fds)
                return True
            except BlockingIOError:
                self._loop.modify(self._socket.fileno(), IN | OUT)
            except OSError:
                self.close()
                return False
        if len(self._queue) >= _QUEUE:
            report("peer does not read", queued=len(self._queue))
            self.close()
            return False
        self._queue.append((message, [os.dup(fd) for fd in fds]))
        return True

    def close(self) -> None:
        if self._socket.fileno() < 0:
            return
        self._loop.remove(self._socket.fileno())
        self._socket.close()
        for _, fds in self._queue:
            close_all(fds)
        self._queue.clear()
        self._gone()

    def _ready(self, events: int) -> None:
        if events & OUT:
            self._flush()
        for _ in range(self._many):
            if self._socket.fileno() < 0 or not self._receive():
                return

    def _flush(self) -> None:
        try:
            while self._queue:
                message, fds = self._queue[0]
                protocol.send(self._socket, message, fds)
                self._queue.popleft()
                close_all(fds)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self._loop.modify(self._socket.fileno(), IN)

    def _receive(self) -> bool:
        """Handle one message. False when there is no other one now."""
        try:
            received = protocol.receive(self._socket)
        except BlockingIOError:
            return False
        except Invalid as error:
            report("message refused", error)
            self.send({"n": None, "error": protocol.encode_error(error)})
            return True
        except OSError as error:
            report("connection broken", error)
            received = None
        if received is None:
            self.close()
            return False
        try:
            self._received(*received)
        except Exception as error:
            report("message not handled", error)
        return True
