"""Members of a tar stream, one after the other.

::

    reader = TarReader(stream, max_special)
    while entry := reader.next():
        reader.copy(fd)            # the payload, or a part of it; the rest is skipped by the next next()
    reader.tail()                  # everything after the last member

Extended headers (PAX x and g, GNU long names, sparse maps) are resolved here; ``entry.raw`` keeps their bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from corral.archive import header, pax, sparse
from corral.archive.entry import DIRECTORY, REGULAR, Entry
from corral.archive.stream import ByteStream
from corral.errors import Invalid, Unsupported

_LONG_NAME: Final = b"L"
_LONG_LINK: Final = b"K"
_SPARSE: Final = b"S"
_ID_MAXIMUM: Final = 0xFFFFFFFE
_TIME_MAXIMUM: Final = (1 << 62) * 1_000_000_000
_DEVICE_MAXIMUM: Final = 0xFFFFF
_KNOWN: Final = frozenset(b"0123456")
_DATALESS: Final = frozenset((b"1", b"2", b"3", b"4", b"5", b"6"))


class TarReader:
    def __init__(self, stream: ByteStream, max_special: int) -> None:
        self._stream = stream
        self._max_special = max_special
        self._globals: pax.Records = []
        self._unread = 0
        self._padding = 0
        self._end: bytes | None = None

    def next(self) -> Entry | None:
        """The next member, None at the end. Raises Invalid for a damaged archive, Unsupported for a multi-volume one.

        What was not read of the previous payload is skipped.
        """
        stream = self._stream
        if self._unread:
            for _ in stream.pieces(self._unread):
                pass
        raw = stream.take(self._padding) if self._padding else b""
        self._unread = self._padding = 0
        records: pax.Records = self._globals
        long_name = long_link = b""
        while True:
            block = stream.take_or_end(header.BLOCK)
            if not block or block == header.ZERO_BLOCK:
                if records is not self._globals or long_name or long_link:
                    raise Invalid("unexpected EOF")
                self._end = raw + block
                return None
            raw += block
            entry = header.decode(block)
            kind = entry.kind
            if kind in _DIRECT:
                break
            if kind in (b"x", b"X"):
                data = self._special(entry)
                records = self._globals + pax.decode(data[: entry.size])
            elif kind == b"g":
                data = self._special(entry)
                self._globals = records = self._globals + pax.decode(data[: entry.size])
            elif kind == _LONG_NAME:
                data = self._special(entry)
                long_name = data[: entry.size].partition(b"\0")[0]
            elif kind == _LONG_LINK:
                data = self._special(entry)
                long_link = data[: entry.size].partition(b"\0")[0]
            elif kind == b"V":  # a volume label
                continue
            elif kind == b"M":
                raise Unsupported("multi-volume tar archives are not supported")
            else:
                break
            raw += data
        if long_name:
            entry.name = long_name
        if long_link:
            entry.linkname = long_link
        if records:
            pax.apply(records, entry)
        if kind == _SPARSE:
            raw += sparse.old_gnu(block, entry, stream.take)
            entry.kind = REGULAR
        elif kind == b"7":
            entry.kind = REGULAR
        elif kind == b"D":
            entry.kind = DIRECTORY
        elif kind not in _DIRECT:
            raise Invalid(f"unhandled tar header type {kind[0]}")
        self._padding = header.padding(entry.size)
        if records and entry.kind == REGULAR:
            # The map of format 1.0 is part of the payload that the header counts, and a multiple of the block size.
            raw += sparse.from_pax(records, entry, stream.take)
        if entry.kind == REGULAR and entry.name.endswith(b"/"):
            entry.kind = DIRECTORY
        elif kind in _DATALESS:
            # The size field of these means nothing (some writers put the length of a link there).
            entry.size = entry.real_size = self._padding = 0
        _check(entry)
        self._unread = entry.size
        entry.raw = raw
        return entry

    def _special(self, entry: Entry) -> bytes:
        if entry.size > self._max_special:
            raise Invalid(f"invalid tar header: an extended header of {entry.size} bytes")
        return self._stream.take(entry.size + header.padding(entry.size))

    def copy(self, fd: int, size: int) -> None:
        """Writes the next ``size`` bytes of the payload to ``fd``."""
        self._stream.copy(fd, size)
        self._unread -= size

    def payload(self) -> bytes:
        """What is left of the payload, in memory: for small members only. Raises Invalid beyond the limit."""
        if self._unread > self._max_special:
            raise Invalid(f"a member of {self._unread} bytes where a small one is expected")
        size, self._unread = self._unread, 0
        return self._stream.take(size)

    def tail(self) -> Iterator[bytes | memoryview]:
        """The bytes from the end marker on."""
        if self._end:
            yield self._end
        yield from self._stream.rest()


def _check(entry: Entry) -> None:
    """Raises Invalid for numbers that the kernel has no room for."""
    if not (0 <= entry.uid <= _ID_MAXIMUM and 0 <= entry.gid <= _ID_MAXIMUM):
        raise Invalid("invalid tar header: owner out of range")
    if abs(entry.mtime) > _TIME_MAXIMUM:
        raise Invalid("invalid tar header: time out of range")
    if not (0 <= entry.major <= _DEVICE_MAXIMUM and 0 <= entry.minor <= _DEVICE_MAXIMUM):
        raise Invalid("invalid tar header: device number out of range")


_DIRECT: Final = frozenset(bytes([kind]) for kind in _KNOWN)
