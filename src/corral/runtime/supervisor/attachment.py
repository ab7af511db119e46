"""A client's own socket, attached to a process: output is written to it, input is read from it.

Output is framed unless the process has a terminal. It is written at once as far as the socket takes it; the rest is
queued, and ``full`` stops the outputs until the queue is short again. Input goes to ``Stdin`` as long as that has
room. The socket ends

- when the process is finished: the queue is written, then our side is shut down, and the socket is closed once the
client has
  closed too, or after a grace period (closing it at once, with input unread, would reset the connection and
  could cost the client the last output);
- when the client hangs up;
- when the detach keys are typed, or the client's input ends and it is not to close the process's (as Docker does).

None of this ever touches the process, but that ``stdin_once`` closes its input.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final

from corral.runtime import driver
from corral.runtime.supervisor.detach import DetachKeys
from corral.runtime.supervisor.frames import header
from corral.runtime.supervisor.loop import HANGUP, IN, OUT, Loop, Timer
from corral.runtime.supervisor.stdin import Stdin

HIGH: Final = 256 * 1024
LOW: Final = 64 * 1024
_READ: Final = 32 * 1024
_IOV: Final = 64
_GRACE: Final = 3.0


class Attachment:
    def __init__(self, loop: Loop, request: driver.Attachment, terminal: bool, detached: Callable[[], None]) -> None:
        """Takes ``request.fd`` over. ``detached`` is called when the detach keys are typed. Raises OSError."""
        self._loop = loop
        self._socket = socket.socket(fileno=request.fd)
        self._socket.setblocking(False)
        self._terminal = terminal
        self._streams = {number for number, wanted in ((1, request.stdout), (2, request.stderr)) if wanted}
        self._wants_input = request.stdin
        self._keys = DetachKeys(request.detach_keys if terminal else b"")
        self._detached = detached
        self._initial = request.initial_input
        self._stdin: Stdin | None = None
        self._close_stdin = False
        self._queue: deque[bytes | memoryview] = deque()
        self._queued = 0
        self._full = False
        self._finished = False
        self._grace: Timer | None = None
        self.drained: Callable[[], None] = _nothing
        self.gone: Callable[[], None] = _nothing
        """Set by the process: ``drained`` when ``full`` becomes false, ``gone`` when the client is."""
        self._update()

    @property
    def full(self) -> bool:
        return self._full

    def wants(self, stream: int) -> bool:
        return stream in self._streams

    def connect_stdin(self, stdin: Stdin, *, close: bool) -> None:
        """Feed ``stdin``; ``close`` it when the client's input ends. Nothing if no input was asked for."""
        if not self._wants_input:
            return
        self._stdin = stdin
        self._close_stdin = close
        stdin.drained.append(self._update)
        initial, self._initial = self._initial, b""
        if initial:
            self._input(initial)
        self._update()

    # output

    def output(self, stream: int, data: bytes) -> None:
        if self._finished:
            return
        if not self._terminal:
            self._push(header(stream, len(data)))
        self._push(data)
        self._flush()
        if self._queued > HIGH:
            self._full = True

    def finish(self) -> None:
        """The process has ended and its output has been handed over."""
        if self._finished:
            return
        self._finished = True
        self._disconnect_stdin()
        self._flush()
        if self._full:
            self._full = False
            self.drained()

    def close(self) -> None:
        """At once."""
        if self._socket.fileno() < 0:
            return
        self._finished = True
        self._disconnect_stdin()
        if self._grace is not None:
            self._grace.cancel()
        self._loop.remove(self._socket.fileno())
        self._socket.close()
        self._queue.clear()
        self._full = False
        self.gone()

    def _push(self, data: bytes) -> None:
        self._queue.append(data)
        self._queued += len(data)

    def _flush(self) -> None:
        try:
            while self._queue:
                sent = self._socket.sendmsg(list(islice(self._queue, _IOV)))
                self._queued -= sent
                while self._queue and sent >= len(self._queue[0]):
                    sent -= len(self._queue.popleft())
                if sent:
                    self._queue[0] = memoryview(self._queue[0])[sent:]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        if self._full and self._queued <= LOW:
            self._full = False
            self.drained()
        if self._finished and not self._queue and self._grace is None:
            self._shut_down()
        self._update()

    def _shut_down(self) -> None:
        self._grace = self._loop.call_later(_GRACE, self.close)
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()

    # input

    def _input(self, data: bytes) -> None:
        assert self._stdin is not None
        data, detach = self._keys.feed(data)
        self._stdin.write(data)
        if detach:
            self._detached()
            self.finish()

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            if self._stdin is not None:
                self._input(data)
                self._update()
            return
        if self._finished:
            self.close()
        elif self._close_stdin and self._stdin is not None:
            self._stdin.close()
            self._disconnect_stdin()
            self._update()
        else:
            self.finish()

    def _disconnect_stdin(self) -> None:
        if self._stdin is not None:
            self._stdin.drained.remove(self._update)
            self._stdin = None
        self._wants_input = False

    # events

    def _update(self) -> None:
        if self._socket.fileno() < 0:
            return
        fd = self._socket.fileno()
        events = OUT if self._queue else 0
        if self._grace is not None or (self._stdin is not None and not self._stdin.full):
            events |= IN
        if self._loop.watches(fd):
            self._loop.modify(fd, events)
        else:
            self._loop.add(fd, events, self._ready, self.close)

    def _ready(self, events: int) -> None:
        if events & IN:
            self._read()
        elif events & HANGUP:
            self._hung_up()
            return
        if events & OUT and self._socket.fileno() >= 0:
            self._flush()

    def _hung_up(self) -> None:
        """Both directions are closed. Input that came before it is still read, when the process has room for it."""
        if self._stdin is not None and self._stdin.full:
            self._loop.remove(self._socket.fileno())  # or the hang-up would be reported over and over
            return
        self.close()


def _nothing() -> None:
    pass
