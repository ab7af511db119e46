"""The json-file log of one container: appending, knowing its length, starting a new file when it is due."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final

from corral.runtime.driver import LogFile
from corral.runtime.supervisor.rotation import rotate

_CHUNK_MAX: Final = 128 * 1024
_CHUNK_MIN: Final = 512
_GROWTH: Final = 16.0
"""How much longer entries are than the output in them, until it was seen: short lines grow more."""
_IOV_MAX: Final = 1024

Compress = Callable[[str], Callable[[], bool]]
"""Starts compressing a file in the background; returns a function that tells whether that has ended."""


class LogWriter:
    """All methods may raise OSError."""

    def __init__(self, log: LogFile, compress: Compress) -> None:
        self.log = log
        self._compress = compress
        self._compressed: Callable[[], bool] | None = None
        self._growth = _GROWTH
        self._fd = -1
        self.size = 0
        self._open()
        self._finish_compressing()

    def append(self, pieces: Sequence[bytes], start: int, chunk: int) -> None:
        """Write ``pieces`` at ``start``, which is the end of the log, or before it when some of them are there
        already.

        All of it or, when the disk is full, nothing: then OSError is raised and the log is as it was before.
        ``chunk``: bytes of output that the pieces were made of.
        """
        there = self.size - start
        if there > 0:
            pieces = [b"".join(pieces)[there:]]
        before = self.size
        try:
            for first in range(0, len(pieces), _IOV_MAX):
                self._write(list(pieces[first : first + _IOV_MAX]))
        except OSError:
            os.ftruncate(self._fd, before)
            self.size = before
            raise
        if chunk:
            self._growth = max(1.0, (self.size - start) / chunk)

    @property
    def chunk_limit(self) -> int:
        """How much output to take at once: less when a rotation is near, so that the limit is met within a few per
        cent."""
        if not self.log.max_size:
            return _CHUNK_MAX
        return min(_CHUNK_MAX, max(_CHUNK_MIN, int((self.log.max_size - self.size) / self._growth)))

    def rotate_if_due(self) -> None:
        """Between two chunks. Waits for the compression of the last one to end, and lets the file grow meanwhile."""
        if not self.log.max_size or self.size < self.log.max_size:
            return
        if self._compressed is not None and not self._compressed():
            return
        rotate(self.log.path, self.log.max_files, self.log.compress)
        self.close()
        self._open()
        self._finish_compressing()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._fd = os.open(self.log.path, flags, 0o640)
        self.size = os.fstat(self._fd).st_size

    def _write(self, pieces: list[bytes]) -> None:
        total = sum(map(len, pieces))
        written = os.writev(self._fd, pieces)
        self.size += written
        if written < total:
            rest = memoryview(b"".join(pieces))[written:]
            while rest:
                written = os.write(self._fd, rest)
                self.size += written
                rest = rest[written:]

    def _finish_compressing(self) -> None:
        """Also what a predecessor began."""
        old = f"{self.log.path}.1"
        if self.log.compress and self.log.max_files > 1 and os.path.exists(old):
            self._compressed = self._compress(old)
