"""Multiplexed output: ``{stream, 0, 0, 0, size as 4 bytes big endian}`` and ``size`` bytes, over and over.

Stream 1 is standard output, 2 standard error; 3 carries an error of the daemon's.
"""

from __future__ import annotations

STDOUT, STDERR, SYSTEM_ERROR = 1, 2, 3
HEADER = 8


class Demultiplexer:
    """Feed it what arrives; it returns pieces in order, neighbours of one stream together.

    A line written by a container is usually one frame: joining all frames of one read saves a write(2) for each.
    """

    __slots__ = ("_left", "_pending", "_stream")

    def __init__(self) -> None:
        self._pending = b""
        self._left = 0
        self._stream = STDOUT

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """``(stream, bytes)`` pairs, never two of the same stream next to each other."""
        if self._pending:
            data = self._pending + data
            self._pending = b""
        at, end = 0, len(data)
        found: list[tuple[int, bytes]] = []
        run: list[bytes] = []
        stream, left = self._stream, self._left
        view = memoryview(data)
        while at < end:
            if left == 0:
                if end - at < HEADER:
                    self._pending = data[at:]
                    break
                kind = data[at]
                left = int.from_bytes(view[at + 4 : at + HEADER], "big")
                at += HEADER
                if kind != stream:
                    if run:
                        found.append((stream, b"".join(run)))
                        run = []
                    stream = kind
                continue
            size = min(left, end - at)
            run.append(data[at : at + size])
            at += size
            left -= size
        if run:
            found.append((stream, b"".join(run)))
        self._stream, self._left = stream, left
        return found
