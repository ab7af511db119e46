"""Whose files they are: ids on the disk, and those that an archive tells instead."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Range = tuple[int, int, int]
"""First id inside, first id outside, how many."""

CAPABILITY: Final = b"security.capability"
_VERSION_MASK: Final = 0xFF000000
_VERSION_2: Final = 0x02000000
_VERSION_3: Final = 0x03000000


@dataclass(frozen=True, slots=True)
class Owners:
    """Maps of a user namespace whose files lie on the disk with the ids outside."""

    uids: Sequence[Range]
    gids: Sequence[Range]

    def uid(self, outside: int) -> int:
        """The id inside; one that nobody has there stays as it is."""
        return _inside(self.uids, outside)

    def gid(self, outside: int) -> int:
        return _inside(self.gids, outside)


def _inside(ranges: Sequence[Range], id: int) -> int:
    for inside, outside, size in ranges:
        if outside <= id < outside + size:
            return inside + id - outside
    return id


def rootless(value: bytes) -> bytes:
    """A security.capability attribute without the namespace that it is for: capabilities(7), version 2."""
    if len(value) < 20:
        return value
    (magic,) = struct.unpack_from("<I", value)
    if magic & _VERSION_MASK != _VERSION_3:
        return value
    return struct.pack("<I", magic & ~_VERSION_MASK | _VERSION_2) + value[4:20]
