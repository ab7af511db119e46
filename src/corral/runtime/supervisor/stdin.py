"""The writing side of a process's standard input: a FIFO, or the master of its terminal.

Whatever does not fit waits in a bounded queue. ``full`` asks those who feed it to stop reading from their clients,
and ``drained`` is called when there is room again. When the process has closed its side the rest is dropped.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Final

from corral.runtime.supervisor.loop import OUT, Loop

_HIGH: Final = 64 * 1024


class Stdin:
    def __init__(self, loop: Loop, fd: int, *, terminal: bool, closed: Callable[[], None]) -> None:
        """``fd``: non-blocking; taken over. ``closed`` is called once ``fd`` is closed."""
        self._loop = loop
        self._fd = fd
        self._terminal = terminal
        self._closed = closed
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._closing = False
        self.drained: list[Callable[[], None]] = []

    @property
    def fd(self) -> int:
        """-1 when it is closed."""
        return self._fd

    @property
    def closed(self) -> bool:
        """Or about to be, when the queue is written."""
        return self._fd < 0 or self._closing

    @property
    def full(self) -> bool:
        return self._queued >= _HIGH

    def write(self, data: bytes) -> None:
        if self.closed or not data:
            return
        if not self._queue:
            data = data[self._write(data) :]
        if data and self._fd >= 0:
            if not self._queue:
                self._loop.add(self._fd, OUT, self._writable, self.abort)
            self._queue.append(data)
            self._queued += len(data)

    def close(self) -> None:
        """End of input, after what is still queued. A terminal has no end of its own: only ``abort`` closes that."""
        if self._terminal or self.closed:
            return
        self._closing = True
        if not self._queue:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        if self._fd < 0:
            return
        self._loop.remove(self._fd)
        os.close(self._fd)
        self._fd = -1
        self._queue.clear()
        self._queued = 0
        self._closed()
        for callback in tuple(self.drained):
            callback()

    def _write(self, data: bytes) -> int:
        """How many bytes are dealt with."""
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError:  # EPIPE, EIO: nobody will read this
            self.abort()
            return len(data)

    def _writable(self, _events: int) -> None:
        while self._queue:
            data = self._queue[0]
            written = self._write(data)
            if self._fd < 0:
                return
            self._queued -= written
            if written < len(data):
                self._queue[0] = data[written:]
                break
            self._queue.popleft()
        if not self._queue:
            self._loop.remove(self._fd)
            if self._closing:
                self.abort()
                return
        if not self.full:
            for callback in tuple(self.drained):
                callback()
