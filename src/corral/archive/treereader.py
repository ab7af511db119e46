"""The members of a tree's changes, read as if from their tar: what `corral.archive.apply` takes, without the tar.

The tar still is what the layer is known by: its bytes are digested while it is only imagined, by a thread of its own,
and ``raw`` of each entry has its headers, so that a recipe can be written. Times are cut to seconds, as Docker does in
layers: a fraction would cost a header of its own for every file.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Final

from corral.archive import header, writer
from corral.archive.diff import Item
from corral.archive.entry import Entry
from corral.archive.member import content

_SECOND: Final = 1_000_000_000
_LONG: Final = 16 * 1024
_AHEAD: Final = 32
"""Long pieces that may wait for the digest: a few megabytes."""


class TreeReader:
    """See `corral.archive.reader.TarReader`. ``meter`` is told of every byte of the tar."""

    def __init__(self, items: Iterator[Item], meter: Callable[[int], None]) -> None:
        self._items = items
        self._meter = meter
        self._digest = _Digest()
        self._content: Iterator[bytes] = iter(())
        self._padding = b""

    def next(self) -> Entry | None:
        """Raises OSError."""
        for _ in self._content:  # nobody asked for it
            pass
        item = next(self._items, None)
        if item is None:
            self._count(self._padding)
            return None
        entry, node = item
        entry.mtime -= entry.mtime % _SECOND
        entry.raw = self._padding + writer.encode(entry)
        self._padding = bytes(header.padding(entry.size))
        self._count(entry.raw)
        self._content = iter(()) if node is None or not entry.size else content(node, entry)
        return entry

    def _count(self, data: bytes) -> None:
        self._digest.update(data)
        self._meter(len(data))

    def copy(self, fd: int, size: int) -> None:
        """Writes the next ``size`` bytes of the payload, which end where a region does."""
        while size > 0:
            piece = next(self._content)
            self._count(piece)
            size -= len(piece)
            view = memoryview(piece)
            while view:
                view = view[os.write(fd, view) :]

    def payload(self) -> bytes:
        return b""  # of what is no regular file

    def tail(self) -> Iterator[bytes]:
        end = self._padding + writer.END
        self._count(writer.END)
        yield end

    @property
    def digest(self) -> str:
        """Of the whole tar, after `tail`."""
        return f"sha256:{self._digest.finish()}"


class _Digest:
    """SHA-256 in a thread: the interpreter lock is released for all but the shortest pieces."""

    def __init__(self) -> None:
        self._pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(_AHEAD)
        self._digest = hashlib.sha256()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def update(self, piece: bytes) -> None:
        if len(piece) >= _LONG:
            self._room.acquire()
        self._pieces.put(piece)

    def _run(self) -> None:
        while (piece := self._pieces.get()) is not None:
            self._digest.update(piece)
            if len(piece) >= _LONG:
                self._room.release()

    def finish(self) -> str:
        self._pieces.put(None)
        self._thread.join()
        return self._digest.hexdigest()
