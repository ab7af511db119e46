"""Docker's multiplexed stream: each piece of output is preceded by eight bytes, ``[stream, 0, 0, 0, length (big
endian)]``."""

from __future__ import annotations

import struct
from typing import Final

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2
_HEADER: Final = struct.Struct(">BxxxL")


def header(stream: int, length: int) -> bytes:
    return _HEADER.pack(stream, length)
