"""A stream of bytes as entries of a json-file log: ``{"log":"...\\n","stream":"stdout","time":"..."}`` and a line
feed each.

An entry holds one line with its line feed. A line longer than 16 KiB is cut into several, all but the last of which
have no line feed in ``log``; readers put them together again by that. What follows the last line feed waits for more,
as Docker's copier does; ``flush`` makes an entry of it when there will not be more. A cut never falls into the middle
of a UTF-8 sequence. All entries of a chunk carry the same time, with all nine digits, so that writing them again (see
``spool``) takes exactly as many bytes.
"""

from __future__ import annotations

import time
from typing import Final

from corral.runtime.supervisor.escape import escape

LIMIT: Final = 16 * 1024
"""Bytes of a line in one entry, Docker's ``defaultBufSize``. What waits for a line feed is always shorter."""

_HEAD: Final = b'{"log":"'


def format_time(at: int) -> bytes:
    """Nanoseconds since the epoch as RFC 3339 with nine digits."""
    seconds, nanoseconds = divmod(at, 1_000_000_000)
    year, month, day, hour, minute, second, *_ = time.gmtime(seconds)
    return b"%04d-%02d-%02dT%02d:%02d:%02d.%09dZ" % (year, month, day, hour, minute, second, nanoseconds)


def encode(stream: str, data: bytes, at: int) -> tuple[list[bytes], bytes]:
    """Entries for ``data`` and what is left over for the next call, to be put before what comes then."""
    end = b'","stream":"%s","time":"%s"}\n' % (stream.encode(), format_time(at))
    pieces: list[bytes] = []
    stop = 0
    for start, stop in _segments(data):
        segment = escape(data[start:stop])
        if data[stop - 1] == 0x0A:
            between = b"\\n" + end + _HEAD
            pieces += (_HEAD, segment.replace(b"\n", between)[: -len(_HEAD)])
        else:
            pieces += (_HEAD, segment, end)
    return pieces, data[stop:]


def flush(stream: str, data: bytes, at: int) -> list[bytes]:
    """The entry of an unterminated last line; nothing when it is empty."""
    if not data:
        return []
    return [_HEAD, escape(data), b'","stream":"%s","time":"%s"}\n' % (stream.encode(), format_time(at))]


def _segments(data: bytes) -> list[tuple[int, int]]:
    """Ranges of ``data``: either a run of whole lines, or a piece of LIMIT bytes or few less out of a longer line."""
    segments = []
    start = position = 0
    size = len(data)
    while position < size:
        feed = data.rfind(b"\n", position, position + LIMIT)
        if feed >= 0:
            position = feed + 1
            continue
        if size - position < LIMIT:
            break
        if position > start:
            segments.append((start, position))
        stop = _cut(data, position + LIMIT)
        segments.append((position, stop))
        start = position = stop
    if position > start:
        segments.append((start, position))
    return segments


def _cut(data: bytes, stop: int) -> int:
    """``stop``, or up to three bytes before it where a UTF-8 sequence begins that it would tear apart."""
    for back in range(1, 4):
        byte = data[stop - back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return stop - back if length > back else stop
    return stop
