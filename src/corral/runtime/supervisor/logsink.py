"""The log of one container as the place where its outputs go: each chunk through the spool, exactly once."""

from __future__ import annotations

import errno
import os
import time
from typing import Final

from corral.runtime.driver import LogFile
from corral.runtime.supervisor.entries import encode, flush
from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.logfile import Compress, LogWriter
from corral.runtime.supervisor.rests import Rests
from corral.runtime.supervisor.spool import Spool, Unfinished

_UNSPOOLED: Final = 64 * 1024


class LogSink:
    """``directory``: the bundle."""

    def __init__(self, spool: Spool, container: str, directory: str, log: LogFile, compress: Compress) -> None:
        """Raises OSError."""
        self._spool = spool
        self._container = container
        self._writer = LogWriter(log, compress)
        self._rests = Rests(f"{directory}/rests")
        self._complaints: set[str] = set()

    def take(self, fd: int, stream: str, *, terminal: bool) -> bytes:
        """Move one chunk from ``fd`` into the log and return it; b"" at the end, when the last line is flushed too.

        Raises BlockingIOError when there is nothing yet.
        """
        self._writer.rotate_if_due()
        at = time.time_ns()
        try:
            self._spool.begin(f"{self._container}/{stream}", at, self._writer.size, self._rests.get(stream))
            chunk = self._spool.take_terminal(fd) if terminal else self._spool.take(fd, self._writer.chunk_limit)
        except BlockingIOError:
            raise
        except OSError as error:
            if error.errno == errno.EIO and terminal:  # its other side is closed
                chunk = b""
            else:
                # The exec root is full, or cannot do it: a container must not be stopped by that.
                self._complain("output not spooled", error)
                chunk = os.read(fd, _UNSPOOLED)
        if chunk:
            self._store(stream, chunk, at, self._writer.size)
            self._spool.commit()
        else:
            self.end(stream)
        return chunk

    def end(self, stream: str) -> None:
        """Nothing more will come: write what waits for a line feed."""
        rest = self._rests.get(stream)
        if rest:
            at = time.time_ns()
            self._spool.begin(f"{self._container}/{stream}", at, self._writer.size, rest, flush=True)
            self._flush(stream, at, self._writer.size)
            self._spool.commit()

    def redo(self, unfinished: Unfinished) -> None:
        """Finish what a predecessor could not commit, and commit it."""
        stream = unfinished.owner.rpartition("/")[2]
        self._rests.put(stream, unfinished.rest)
        if unfinished.flush:
            self._flush(stream, unfinished.at, unfinished.log_size)
        else:
            self._store(stream, unfinished.chunk, unfinished.at, unfinished.log_size)
        self._spool.commit()

    def give_up(self) -> None:
        """What could not be logged must not be taken for another container's chunk."""
        self._spool.commit()

    def close(self) -> None:
        self._writer.close()
        self._rests.close()

    def _store(self, stream: str, chunk: bytes, at: int, start: int) -> None:
        rest = self._rests.get(stream)
        pieces, new_rest = encode(stream, rest + chunk if rest else chunk, at)
        self._append(pieces, start, len(chunk))
        self._rests.put(stream, new_rest)

    def _flush(self, stream: str, at: int, start: int) -> None:
        self._append(flush(stream, self._rests.get(stream), at), start, 0)
        self._rests.put(stream, b"")

    def _append(self, pieces: list[bytes], start: int, chunk: int) -> None:
        """A full disk costs log lines, as with Docker, but never stops a container."""
        try:
            self._writer.append(pieces, start, chunk)
        except OSError as error:
            self._complain("log not written", error)

    def _complain(self, what: str, error: OSError) -> None:
        """Once for each kind of trouble, for it may come with every chunk."""
        if what not in self._complaints:
            self._complaints.add(what)
            report(what, error, container=self._container)
