"""Reading a file of a log forwards, block by block, in whole lines."""

from __future__ import annotations

import os
import zlib
from typing import Final, Protocol

__all__ = ["BLOCK", "GzipLines", "Lines", "PlainLines"]

BLOCK: Final = 1 << 16
"""Bytes at a time: about a millisecond of work."""

_LONGEST: Final = 1 << 20
"""No entry comes near this; what is longer is garbage, and is not kept in memory."""


class Lines(Protocol):
    def read(self) -> list[bytes] | None:
        """Whole lines of the next block, without their line feeds, maybe none; None at the end. Raises OSError."""
        ...


class _Splitter:
    """Puts lines together that blocks have cut."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, block: bytes) -> list[bytes]:
        lines = (self._rest + block).split(b"\n")
        self._rest = lines.pop()
        if lines and self._skipping:
            self._skipping = False
            del lines[0]
        if len(self._rest) > _LONGEST:
            self._rest = b""
            self._skipping = True
        return lines

    def reset(self) -> None:
        self._rest = b""
        self._skipping = False


class PlainLines:
    """From ``offset``, where a line begins, up to ``end``, or for as long as the file grows when that is None.

    After the end was reached, more can be read when there is more. A file that has become shorter, because it was
    emptied to begin anew, is read from its start.
    """

    def __init__(self, fd: int, offset: int, end: int | None) -> None:
        self._fd = fd
        self._offset = offset
        self._end = end
        self._splitter = _Splitter()

    def read(self) -> list[bytes] | None:
        wanted = BLOCK if self._end is None else min(BLOCK, self._end - self._offset)
        block = os.pread(self._fd, wanted, self._offset) if wanted > 0 else b""
        if block:
            self._offset += len(block)
            return self._splitter.feed(block)
        if self._end is None and os.fstat(self._fd).st_size < self._offset:
            self._offset = 0
            self._splitter.reset()
            return []
        return None


class GzipLines:
    """All lines but the first ``skip`` of a compressed file. What cannot be inflated any more is taken for its end."""

    def __init__(self, fd: int, skip: int = 0) -> None:
        self._fd = fd
        self._offset = 0
        self._skip = skip
        self._splitter = _Splitter()
        self._inflate = zlib.decompressobj(31)
        self._input = b""

    def read(self) -> list[bytes] | None:
        block = self._next_block()
        if not block:
            return None
        lines = self._splitter.feed(block)
        if self._skip:
            skipped = min(self._skip, len(lines))
            self._skip -= skipped
            del lines[:skipped]
        return lines

    def _next_block(self) -> bytes:
        while True:
            if not self._input:
                self._input = os.pread(self._fd, BLOCK, self._offset)
                self._offset += len(self._input)
                if not self._input:
                    return b""
            try:
                block = self._inflate.decompress(self._input, BLOCK)
            except zlib.error:
                return b""
            self._input = self._inflate.unconsumed_tail
            if self._inflate.eof:
                # Another member may follow, as when files were put together.
                self._input = self._inflate.unused_data
                self._inflate = zlib.decompressobj(31)
            if block:
                return block
