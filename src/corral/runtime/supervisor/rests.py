"""Unfinished lines of a container's outputs, in a file that the next supervisor reads: a fixed place for each stream.

It is written in place, and opened when there is something to write for the first time: most programs write whole
lines. (Truncating a small file for every chunk costs 0.3 ms on ext4, which then allocates at once.) A write that is
cut short is undone by ``spool``, whose header has what was there before.
"""

from __future__ import annotations

import os
import struct
from typing import Final

_LENGTH: Final = struct.Struct("=I")
_PLACE: Final = {"stdout": 0, "stderr": 20 * 1024}


class Rests:
    def __init__(self, path: str) -> None:
        """Raises OSError."""
        self._path = path
        self._fd = -1
        self._rests = dict.fromkeys(_PLACE, b"")
        if os.path.exists(path):
            self._open()
            self._rests = {stream: self._read(stream) for stream in _PLACE}

    def get(self, stream: str) -> bytes:
        return self._rests[stream]

    def put(self, stream: str, rest: bytes) -> None:
        """Raises OSError."""
        if rest == self._rests[stream]:
            return
        if self._fd < 0:
            self._open()
        os.pwrite(self._fd, _LENGTH.pack(len(rest)) + rest, _PLACE[stream])
        self._rests[stream] = rest

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _read(self, stream: str) -> bytes:
        head = os.pread(self._fd, _LENGTH.size, _PLACE[stream])
        if len(head) < _LENGTH.size:
            return b""
        return os.pread(self._fd, _LENGTH.unpack(head)[0], _PLACE[stream] + _LENGTH.size)
