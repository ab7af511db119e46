"""The members of a tree's changes, read as if from their tar: what `corral.archive.apply` takes, without the tar.

The tar still is what the layer is known by: its bytes are digested while it is only imagined, and ``raw`` of each entry
has its headers, so that a recipe can be written.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator

from corral.archive import header, writer
from corral.archive.diff import Item
from corral.archive.entry import Entry
from corral.archive.member import content


class TreeReader:
    """See `corral.archive.reader.TarReader`. ``meter`` is told of every byte of the tar."""

    def __init__(self, items: Iterator[Item], meter: Callable[[int], None]) -> None:
        self._items = items
        self._meter = meter
        self._digest = hashlib.sha256()
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
        return f"sha256:{self._digest.hexdigest()}"
