"""One member of an archive, as data."""

from __future__ import annotations

from typing import Final

REGULAR: Final = b"0"
HARDLINK: Final = b"1"
SYMLINK: Final = b"2"
CHARACTER: Final = b"3"
BLOCK: Final = b"4"
DIRECTORY: Final = b"5"
FIFO: Final = b"6"

Region = tuple[int, int]
"""Offset and length of data in a file with holes."""


class Entry:
    """A member: names are bytes, exactly as they stand in the archive; ``mtime`` is in nanoseconds.

    ``size`` is the length of the payload in the archive, ``real_size`` that of the file; they differ for a sparse
    file, whose ``regions`` tell where the payload belongs (None: from the start). ``kind`` is one of the constants
    above; ``mode`` holds the twelve permission bits. ``raw`` is what stood in the archive between the previous
    payload and this one: padding and all headers, byte for byte.
    """

    __slots__ = (
        "gid",
        "kind",
        "linkname",
        "major",
        "minor",
        "mode",
        "mtime",
        "name",
        "raw",
        "real_size",
        "regions",
        "size",
        "uid",
        "xattrs",
    )

    def __init__(self, name: bytes, kind: bytes = REGULAR, *, mode: int = 0o644, size: int = 0) -> None:
        self.name = name
        self.kind = kind
        self.mode = mode
        self.uid = 0
        self.gid = 0
        self.size = size
        self.real_size = size
        self.mtime = 0
        self.linkname = b""
        self.major = 0
        self.minor = 0
        self.xattrs: dict[bytes, bytes] = {}
        self.regions: list[Region] | None = None
        self.raw = b""
