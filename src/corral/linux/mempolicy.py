"""set_mempolicy(2): from which nodes of a NUMA machine a thread gets its memory."""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import Final

from corral.linux import libc

MODES: Final[dict[str, int]] = {
    "MPOL_DEFAULT": 0,
    "MPOL_PREFERRED": 1,
    "MPOL_BIND": 2,
    "MPOL_INTERLEAVE": 3,
    "MPOL_LOCAL": 4,
    "MPOL_PREFERRED_MANY": 5,
    "MPOL_WEIGHTED_INTERLEAVE": 6,
}
FLAGS: Final[dict[str, int]] = {
    "MPOL_F_NUMA_BALANCING": 1 << 13,
    "MPOL_F_RELATIVE_NODES": 1 << 14,
    "MPOL_F_STATIC_NODES": 1 << 15,
}
_WORD: Final = 64


def set_mempolicy(mode: int, nodes: Collection[int]) -> None:
    """``mode``: a mode with flags. For the calling thread and its descendants. Raises OSError."""
    if not nodes:
        libc.syscall("set_mempolicy", mode, None, 0)
        return
    words = max(nodes) // _WORD + 1
    mask = struct.pack(f"={words}Q", *(sum(1 << n % _WORD for n in nodes if n // _WORD == w) for w in range(words)))
    # The kernel looks at one bit less than it is told.
    libc.syscall("set_mempolicy", mode, mask, words * _WORD + 1)
