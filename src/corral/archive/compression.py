"""Decompression of streams, recognised by their first bytes: gzip, zstd, xz, bzip2, or none.

Every decompressor is asked for a bounded amount of output at a time, so that a small input cannot make a large
allocation. Concatenated members and frames are one stream, as gzip(1) and zstd(1) have it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import IO, Final, Protocol, cast

from corral.archive.limits import Meter
from corral.errors import Invalid

CHUNK: Final = 256 * 1024
MAGIC_LENGTH: Final = 10
_ZSTD_WINDOW_MAXIMUM: Final = 1 << 27  # what zstd(1) accepts without --long
_XZ_MEMORY_MAXIMUM: Final = 1 << 30


class Compression(enum.Enum):
    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"
    XZ = "xz"
    BZIP2 = "bzip2"


class _Decompressor(Protocol):
    """What bz2, lzma and igzip_lib have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


def detect(head: bytes) -> Compression:
    """What a stream that begins with ``head`` is compressed with."""
    if head.startswith(b"\x1f\x8b\x08"):
        return Compression.GZIP
    if head.startswith(b"\x28\xb5\x2f\xfd") or (len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5):
        return Compression.ZSTD
    if head.startswith(b"\xfd7zXZ\x00"):
        return Compression.XZ
    if head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return Compression.BZIP2
    return Compression.NONE


def decompress(read: Callable[[int], bytes], meter: Meter) -> Iterator[bytes]:
    """Yields the plain content of what ``read(n)`` (b"" at the end) gives, in pieces of at most a few hundred KiB.

    ``meter.compressed`` counts what was read. Raises Invalid for a damaged or cut stream.
    """
    head = b""
    while len(head) < MAGIC_LENGTH and (piece := read(CHUNK)):
        head += piece
    kind = detect(head)
    source = _source(head, read, meter)
    if kind is Compression.NONE:
        yield from source
    elif kind is Compression.ZSTD:
        yield from _zstd(source)
    else:
        yield from _members(source, kind)


def _source(head: bytes, read: Callable[[int], bytes], meter: Meter) -> Iterator[bytes]:
    piece = head
    while piece:
        meter.compressed += len(piece)
        yield piece
        piece = read(CHUNK)


def _members(source: Iterator[bytes], kind: Compression) -> Iterator[bytes]:
    factory, failures = _codec(kind)
    decoder = factory()
    data = next(source)
    while True:
        try:
            plain = decoder.decompress(data, CHUNK)
        except failures as error:
            raise _damaged(kind, error) from error
        if plain:
            yield plain
        data = b""
        if decoder.eof:
            rest = decoder.unused_data
            while not rest.strip(b"\0"):  # padding after the last member, as on tapes
                piece = next(source, None)
                if piece is None:
                    return
                rest = piece
            decoder = factory()
            data = rest.lstrip(b"\0")
        elif decoder.needs_input:
            piece = next(source, None)
            if piece is None:
                raise Invalid("unexpected EOF")
            data = piece


def _zstd(source: Iterator[bytes]) -> Iterator[bytes]:
    import zstandard

    # A cut stream ends like a finished one here; the tar reader and the digests notice.
    context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_MAXIMUM)
    reader = context.stream_reader(cast(IO[bytes], _Reader(source)), read_size=CHUNK, read_across_frames=True)
    while True:
        try:
            piece = reader.read(CHUNK)
        except zstandard.ZstdError as error:
            raise _damaged(Compression.ZSTD, error) from error
        if not piece:
            return
        yield piece


def _codec(kind: Compression) -> tuple[Callable[[], _Decompressor], tuple[type[Exception], ...]]:
    """How a member of such a stream is decompressed, and what is raised when it cannot be."""
    if kind is Compression.GZIP:
        from isal import igzip_lib

        failure = cast(type[Exception], igzip_lib.IsalError)
        return lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP), (failure, OSError, ValueError)
    if kind is Compression.XZ:
        import lzma

        return (
            lambda: lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_MAXIMUM),
            (lzma.LZMAError, ValueError),
        )
    import bz2

    return bz2.BZ2Decompressor, (OSError, ValueError)


def _damaged(kind: Compression, error: Exception) -> Invalid:
    return Invalid(f"damaged {kind.value} stream: {error}")


class _Reader:
    """A ``read`` over an iterator of pieces."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._rest = b""

    def read(self, size: int) -> bytes:
        data = self._rest or next(self._source, b"")
        self._rest = data[size:]
        return data[:size]
