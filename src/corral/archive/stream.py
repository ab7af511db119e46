"""Exact reads from an iterator of pieces, without copying what goes straight to a file."""

from __future__ import annotations

import os
from collections.abc import Iterator

from corral.errors import Invalid


class ByteStream:
    """Reads exact amounts. Raises Invalid("unexpected EOF") when the source ends too early."""

    __slots__ = ("_end", "_piece", "_position", "_source")

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._piece = memoryview(b"")
        self._position = 0
        self._end = 0

    def _fill(self) -> bool:
        for piece in self._source:
            if piece:
                self._piece = memoryview(piece)
                self._position = 0
                self._end = len(piece)
                return True
        return False

    def take(self, size: int) -> bytes:
        start = self._position
        if size <= self._end - start:
            self._position = start + size
            return bytes(self._piece[start : start + size])
        return b"".join(self.pieces(size))

    def take_or_end(self, size: int) -> bytes:
        """Like `take`, but b"" when the source has ended exactly here."""
        if self._position == self._end and not self._fill():
            return b""
        return self.take(size)

    def pieces(self, size: int) -> Iterator[memoryview]:
        """``size`` bytes as they come."""
        while size:
            if self._position == self._end and not self._fill():
                raise Invalid("unexpected EOF")
            count = min(size, self._end - self._position)
            piece = self._piece[self._position : self._position + count]
            self._position += count
            size -= count
            yield piece

    def copy(self, fd: int, size: int) -> None:
        """Writes the next ``size`` bytes to ``fd`` at its offset. Raises OSError."""
        start = self._position
        if size <= self._end - start:
            stop = self._position = start + size
            while start < stop:
                start += os.write(fd, self._piece[start:stop])
            return
        for piece in self.pieces(size):
            while piece:
                piece = piece[os.write(fd, piece) :]

    def rest(self) -> Iterator[memoryview]:
        """All that is left."""
        while True:
            if self._position == self._end and not self._fill():
                return
            piece = self._piece[self._position : self._end]
            self._position = self._end
            yield piece
