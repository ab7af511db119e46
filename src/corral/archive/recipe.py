"""The recipe of a layer: what its tar held besides the files' contents, so that the same tar can be made again.

A layer's identity is the digest of its tar, and `save` must give back exactly that tar; keeping it beside the unpacked
files would cost the disk twice. The recipe keeps what stood between the contents (headers, padding, the end) and says
where each content lies now. It is a zlib stream of records:

======  ============================================  =================================================
record  fields (little endian)                        meaning
======  ============================================  =================================================
``R``   u32 length, bytes                             bytes of the tar
``F``   u16 path length, path, u64 size               the next ``size`` bytes are this file's content
``H``   u16 path length, path, u32 n, n (u64, u64)    ... are these regions (offset, length) of the file
``A``   u16 path length, path, u32 number             what was at ``path`` until here was moved to ``aside/number``
======  ============================================  =================================================

Paths are real (no symbolic link in them) and relative to the layer's directory. ``A`` is written where a later member
of the same tar replaced an earlier one: the tar holds both contents.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from typing import IO, Final

from corral.archive.entry import Region
from corral.errors import Internal
from corral.linux.openat2 import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, openat2

_RAW: Final = struct.Struct("<cI")
_PATH: Final = struct.Struct("<cH")
_SIZE: Final = struct.Struct("<Q")
_COUNT: Final = struct.Struct("<I")
_REGION: Final = struct.Struct("<QQ")
_PIECE: Final = 256 * 1024
_FLUSH: Final = 64 * 1024


class RecipeWriter:
    """Records in the order of the tar."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "xb")  # noqa: SIM115
        self._compressor = zlib.compressobj(1)
        self._pending = bytearray()

    def raw(self, data: bytes | memoryview) -> None:
        self._pending += _RAW.pack(b"R", len(data))
        self._pending += data
        if len(self._pending) > _FLUSH:
            self._flush()

    def content(self, path: bytes, size: int) -> None:
        self._pending += _PATH.pack(b"F", len(path)) + path + _SIZE.pack(size)

    def regions(self, path: bytes, regions: list[Region]) -> None:
        self._pending += _PATH.pack(b"H", len(path)) + path + _COUNT.pack(len(regions))
        for region in regions:
            self._pending += _REGION.pack(*region)

    def moved(self, path: bytes, number: int) -> None:
        self._pending += _PATH.pack(b"A", len(path)) + path + _COUNT.pack(number)

    def _flush(self) -> None:
        self._file.write(self._compressor.compress(bytes(self._pending)))
        self._pending = bytearray()

    def close(self) -> None:
        self._flush()
        self._file.write(self._compressor.flush())
        self._file.close()


class _Inflated:
    """Exact reads from the stream."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._decoder = zlib.decompressobj()
        self._plain = b""
        self._position = 0

    def take(self, size: int, *, end: bool = False) -> bytes:
        """Raises Internal when there is less; b"" with ``end`` when there is nothing."""
        while len(self._plain) - self._position < size:
            more = self._more()
            if not more:
                if end and self._position == len(self._plain):
                    return b""
                raise Internal("a layer's recipe is cut short")
            self._plain = self._plain[self._position :] + more
            self._position = 0
        self._position += size
        return self._plain[self._position - size : self._position]

    def _more(self) -> bytes:
        plain = b""
        while not plain and not self._decoder.eof:
            packed = self._decoder.unconsumed_tail or self._source.read(_FLUSH)
            if not packed:
                break
            try:
                plain = self._decoder.decompress(packed, _PIECE)
            except zlib.error as error:
                raise Internal(f"a layer's recipe is damaged: {error}") from error
        return plain


class _Content:
    __slots__ = ("path", "regions")

    def __init__(self, path: bytes, regions: list[Region]) -> None:
        self.path = path
        self.regions = regions


def _records(source: IO[bytes]) -> Iterator[bytes | _Content | tuple[bytes, int]]:
    """Raw bytes, contents, and moves, as written. Raises Internal for a damaged recipe."""
    take = _Inflated(source).take
    while kind := take(1, end=True):
        if kind == b"R":
            yield take(*_COUNT.unpack(take(4)))
            continue
        (length,) = struct.unpack("<H", take(2))
        path = take(length)
        if kind == b"F":
            (size,) = _SIZE.unpack(take(8))
            yield _Content(path, [(0, size)])
        elif kind == b"H":
            (count,) = _COUNT.unpack(take(4))
            yield _Content(path, list(_REGION.iter_unpack(take(16 * count))))
        elif kind == b"A":
            yield path, _COUNT.unpack(take(4))[0]
        else:
            raise Internal("a layer's recipe is damaged")


def assemble(recipe: str, root: str, aside: str) -> Iterator[bytes]:
    """The tar, in pieces. ``root`` is the layer's directory. Raises OSError or Internal when a content is gone."""
    with open(recipe, "rb") as source:
        moves = (
            [(index, record) for index, record in enumerate(_records(source)) if isinstance(record, tuple)]
            if os.path.isdir(aside)
            else []
        )
        source.seek(0)
        root_fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        aside_fd = os.open(aside, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) if moves else -1
        try:
            for index, record in enumerate(_records(source)):
                if isinstance(record, bytes):
                    yield record
                elif isinstance(record, _Content):
                    moved = _moved(record.path, index, moves)
                    yield from _content(record, *((root_fd, record.path) if moved is None else (aside_fd, moved)))
        finally:
            os.close(root_fd)
            if moves:
                os.close(aside_fd)


def _moved(path: bytes, index: int, moves: list[tuple[int, tuple[bytes, int]]]) -> bytes | None:
    """Where below aside/ a content lies that was later replaced, itself or together with a directory above it."""
    for at, (old, number) in moves:
        if at > index and (path == old or path.startswith(old + b"/")):
            return b"%d" % number + path[len(old) :]
    return None


def _content(content: _Content, directory: int, path: bytes) -> Iterator[bytes]:
    fd = openat2(directory, path, os.O_RDONLY | os.O_NOFOLLOW, resolve=RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
    try:
        for offset, length in content.regions:
            while length:
                piece = os.pread(fd, min(length, _PIECE), offset)
                if not piece:
                    raise Internal(f"{os.fsdecode(path)}: shorter than when it was unpacked")
                yield piece
                offset += len(piece)
                length -= len(piece)
    finally:
        os.close(fd)
