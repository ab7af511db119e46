"""Where a request's body ends: by its length, or by chunks (RFC 9112, 7.1)."""

from __future__ import annotations

import re
from typing import Final, Protocol

from corral.api.server.http.head import BadRequest

__all__ = ["Chunked", "Framing", "Sized", "framing"]

_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?")
_MAX_LINE: Final = 4096


class Framing(Protocol):
    """Takes a body's bytes off the front of what has been received."""

    done: bool

    def take(self, received: bytearray) -> bytes:
        """Removes and returns what belongs to the body, b"" if nothing does yet. Raises BadRequest."""
        ...


class Sized:
    """A body of a known length."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def take(self, received: bytearray) -> bytes:
        if len(received) <= self._left:
            part = bytes(received)
            received.clear()
        else:
            part = bytes(received[: self._left])
            del received[: self._left]
        self._left -= len(part)
        self.done = self._left == 0
        return part


class Chunked:
    """A body in chunks; extensions and trailers are read and dropped."""

    def __init__(self) -> None:
        self.done = False
        self._left = 0
        self._after_data = False
        self._in_trailers = False

    def take(self, received: bytearray) -> bytes:
        parts: list[bytes] = []
        while not self.done:
            if self._left:
                part = bytes(received[: self._left])
                if not part:
                    break
                del received[: self._left]
                self._left -= len(part)
                self._after_data = self._left == 0
                parts.append(part)
                continue
            line = self._line(received)
            if line is None:
                break
            self._read_line(line)
        return b"".join(parts)

    def _read_line(self, line: bytes) -> None:
        if self._in_trailers:
            self.done = not line
        elif self._after_data:
            if line:
                raise BadRequest("chunk is longer than its size")
            self._after_data = False
        else:
            match = _SIZE.fullmatch(line)
            if match is None:
                raise BadRequest("malformed chunk size")
            self._left = int(match[1], 16)
            self._in_trailers = self._left == 0

    @staticmethod
    def _line(received: bytearray) -> bytes | None:
        end = received.find(b"\r\n", 0, _MAX_LINE)
        if end < 0:
            if len(received) >= _MAX_LINE:
                raise BadRequest("chunk header is too long")
            return None
        line = bytes(received[:end])
        del received[: end + 2]
        return line


def framing(length: int) -> Framing:
    """``length`` as in `Head`: -1 for chunked."""
    return Chunked() if length < 0 else Sized(length)
