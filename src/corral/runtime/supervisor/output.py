"""One output of a process: the pipe of stdout or stderr, or the master of its terminal.

Each time the loop offers it, it moves one bounded chunk: into the log, if there is one, and to the attachments. It
stops being offered while an attachment cannot take more (the pipe then fills and the process waits), except when the
process has ended: what its pipe still holds is bounded, and is taken at once so that nobody waits for a slow client.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Final, Protocol

from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.logsink import LogSink
from corral.runtime.supervisor.loop import IN, Loop

CHUNK: Final = 64 * 1024
STREAMS: Final = {1: "stdout", 2: "stderr"}


class Subscriber(Protocol):
    """Who gets a copy."""

    def output(self, stream: int, data: bytes) -> None: ...

    @property
    def full(self) -> bool: ...


class Output:
    def __init__(
        self,
        loop: Loop,
        fd: int,
        stream: int,
        log: LogSink | None,
        ended: Callable[[], None],
        *,
        terminal: bool = False,
    ) -> None:
        """``fd``: non-blocking; taken over. ``ended`` is called once, at the end of the stream."""
        self._loop = loop
        self._fd = fd
        self._stream = stream
        self._log = log
        self._ended = ended
        self._terminal = terminal
        self._draining = False
        self._subscribers: list[Subscriber] = []
        try:
            loop.add(fd, IN, self._readable, self.end)
        except OSError:
            os.close(fd)
            raise

    @property
    def fd(self) -> int:
        """-1 at the end of the stream."""
        return self._fd

    def subscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.append(subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)
        self.update()

    def update(self) -> None:
        """Watch the source or do not, as the subscribers can take more or cannot."""
        if self._fd < 0:
            return
        wanted = self._draining or not any(subscriber.full for subscriber in self._subscribers)
        # Not watched with an empty set of events, for a hang-up would be reported over and over.
        if wanted and not self._loop.watches(self._fd):
            self._loop.add(self._fd, IN, self._readable, self.end)
        elif not wanted:
            self._loop.remove(self._fd)

    def drain(self) -> None:
        """The process has ended: take the rest, whoever is slow."""
        self._draining = True
        self.update()

    def end(self) -> None:
        """Stop here, as at the end of the stream."""
        if self._fd < 0:
            return
        self._loop.remove(self._fd)
        os.close(self._fd)
        self._fd = -1
        self._subscribers.clear()
        self._ended()

    def finish(self) -> None:
        """End although others have the pipe open, after one last look."""
        if self._fd >= 0:
            self._move()
        if self._fd >= 0 and self._log is not None:
            self._log.end(STREAMS[self._stream])
        self.end()

    def _readable(self, _events: int) -> None:
        self._move()

    def _move(self) -> None:
        try:
            data = self._take() if self._log is not None else os.read(self._fd, CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:  # a terminal whose other side is closed
                raise
            data = b""
        if not data:
            self.end()
            return
        for subscriber in tuple(self._subscribers):
            subscriber.output(self._stream, data)
        if self._subscribers:
            self.update()

    def _take(self) -> bytes:
        """Through the log.

        A fault of ours there costs the container its log, but does not leave it with a full pipe.
        """
        assert self._log is not None
        try:
            return self._log.take(self._fd, STREAMS[self._stream], terminal=self._terminal)
        except BlockingIOError:
            raise
        except Exception as error:
            report("log given up", error, stream=STREAMS[self._stream])
            self._log.give_up()
            self._log = None
            return os.read(self._fd, CHUNK)
