"""One connection to a supervisor: requests out, answers matched by number, everything else handed on."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Sequence

from corral.errors import Invalid, Unavailable
from corral.linux.fd import close_all
from corral.runtime.supervisor import protocol
from corral.runtime.supervisor.protocol import Message

Answer = tuple[Message, list[int]]
_MESSAGES_AT_ONCE = 64


class Link:
    def __init__(self, path: str, notice: Callable[[Message, list[int]], None], lost: Callable[[], None]) -> None:
        """Connects. ``notice`` gets what is not an answer, and owns the descriptors; ``lost`` is called once.

        Raises OSError.
        """
        self._notice = notice
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._queue: deque[tuple[Message, Sequence[int]]] = deque()
        self._number = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._readable)

    @property
    def closed(self) -> bool:
        return self._socket.fileno() < 0

    async def ask(self, message: Message, fds: Sequence[int] = ()) -> Answer:
        """Send a request and wait.

        ``fds`` must stay open until then. Raises what the supervisor says, Unavailable.
        """
        if self.closed:
            raise Unavailable("supervisor does not answer")
        self._number += 1
        number = self._number
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting[number] = answer
        try:
            self._send({"n": number, **message}, fds)
            return await answer
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        if self.closed:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._queue.clear()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Unavailable("supervisor was replaced before it answered", code="supervisor_lost"))
        self._lost()

    def _send(self, message: Message, fds: Sequence[int]) -> None:
        if not self._queue:
            try:
                protocol.send(self._socket, message, fds)
                return
            except BlockingIOError:
                self._loop.add_writer(self._socket, self._flush)
            except OSError:
                self.close()
                return
        self._queue.append((message, fds))

    def _flush(self) -> None:
        try:
            while self._queue:
                protocol.send(self._socket, *self._queue[0])
                self._queue.popleft()
            self._loop.remove_writer(self._socket)
        except BlockingIOError:
            return
        except OSError:
            self.close()

    def _readable(self) -> None:
        for _ in range(_MESSAGES_AT_ONCE):
            if self.closed:
                return
            try:
                received = protocol.receive(self._socket)
            except BlockingIOError:
                return
            except (OSError, Invalid):
                received = None
            if received is None:
                self.close()
                return
            self._handle(*received)

    def _handle(self, message: Message, fds: list[int]) -> None:
        if "n" not in message:
            self._notice(message, fds)
            return
        answer = self._waiting.pop(message["n"], None) if isinstance(message["n"], int) else None
        if answer is None or answer.done():
            close_all(fds)
        elif "error" in message:
            close_all(fds)
            answer.set_exception(protocol.decode_error(message["error"]))
        else:
            answer.set_result((message["ok"], fds))
