"""Moving bytes between a hijacked connection and this program's standard streams."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator

from corral.cli.output import write_all
from corral.cli.tty import DetachKeys
from corral.client.stream import half_close, has_more
from corral.client.streams import STDERR, SYSTEM_ERROR, Demultiplexer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from corral.client.api import Hijacked

_BLOCK = 1 << 18
_INPUT_BLOCK = 1 << 15
_HANGUP = select.POLLHUP | select.POLLERR | select.POLLNVAL


@contextlib.contextmanager
def _awake() -> Iterator[int]:
    """A descriptor that is readable after every signal.

    Python runs handlers between its own instructions: a signal that comes just before poll(2) begins would wait for the
    next byte.
    """
    wakened, waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    before = signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    try:
        yield wakened
    finally:
        signal.set_wakeup_fd(before)
        os.close(wakened)
        os.close(waker)


class Streams:
    """One attached container or exec. ``tty`` output is raw; otherwise it is multiplexed and split on 1 and 2.

    ``stdin``: pass on what is typed; at its end the daemon's side of the connection is half-closed. ``keys`` are looked
    for in what is typed on a terminal.
    """

    __slots__ = ("_demultiplexer", "_keys", "_pending", "_sock", "_stdin", "_stdin_over", "_wants")

    def __init__(self, hijacked: Hijacked, *, tty: bool, stdin: bool, keys: DetachKeys | None = None) -> None:
        self._sock = hijacked.sock
        self._demultiplexer = None if tty else Demultiplexer()
        self._stdin = stdin
        self._stdin_over = not stdin
        self._keys = keys
        self._pending = b""
        self._wants = 0
        if hijacked.early:
            self._show(hijacked.early)

    def run(self) -> bool:
        """Until the daemon ends the stream; True when the detach keys were typed. Raises OSError."""
        self._sock.setblocking(False)
        with _awake() as wakened:
            return self._move(wakened)

    def _move(self, wakened: int) -> bool:
        poll = select.poll()
        poll.register(wakened, select.POLLIN)
        while True:
            self._watch(poll)
            for fd, events in poll.poll():
                if fd == wakened:
                    os.read(wakened, _INPUT_BLOCK)
                elif fd == self._sock.fileno():
                    if events & select.POLLOUT:
                        self._push()
                    if events & (select.POLLIN | _HANGUP) and not self._pull():
                        return False
                elif events and self._type(poll):
                    return True

    def _watch(self, poll: select.poll) -> None:
        """Input is read when the daemon took what was read before: no buffer grows."""
        wants = select.POLLIN | (select.POLLOUT if self._pending else 0)
        if wants != self._wants:
            poll.register(self._sock, wants)
            self._wants = wants
            if not self._stdin_over:
                poll.register(0, 0 if self._pending else select.POLLIN)

    # -- from the daemon

    def _pull(self) -> bool:
        """Show what has arrived; False at the end."""
        while True:
            try:
                data = self._sock.recv(_BLOCK)
            except BlockingIOError:
                return True
            except ConnectionResetError:
                return False
            if not data:
                return False
            self._show(data)
            if not has_more(self._sock):
                return True

    def _show(self, data: bytes) -> None:
        if self._demultiplexer is None:
            write_all(1, data)
            return
        for stream, piece in self._demultiplexer.feed(data):
            write_all(2 if stream in (STDERR, SYSTEM_ERROR) else 1, piece)

    # -- to the daemon

    def _type(self, poll: select.poll) -> bool:
        """Read standard input once; True when the detach keys were typed."""
        if self._stdin_over:
            return False
        try:
            data = os.read(0, _INPUT_BLOCK)
        except BlockingIOError:
            return False
        except OSError:  # closed, or a terminal that hung up
            data = b""
        if not data:
            self._stdin_over = True
            poll.unregister(0)
            if not self._pending:
                half_close(self._sock)
            return False
        detached = False
        if self._keys is not None:
            data, detached = self._keys.feed(data)
        self._pending += data
        self._push()
        return detached

    def _push(self) -> None:
        while self._pending:
            try:
                sent = self._sock.send(self._pending)
            except BlockingIOError:
                return
            except (BrokenPipeError, ConnectionResetError):  # the process ended: what is typed now has no reader
                self._pending = b""
                return
            self._pending = self._pending[sent:]
        if self._stdin_over and self._stdin:
            half_close(self._sock)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.close()
