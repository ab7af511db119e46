"""Where to begin reading: at the last N lines of a chain of files, or at a time, without reading all of it."""

from __future__ import annotations

import os
from typing import Final

from corral.engine.logger.entry import decode, parse_time
from corral.engine.logger.files import Part
from corral.engine.logger.lines import GzipLines, Lines, PlainLines

__all__ = ["begin", "offset_of_last", "offset_of_time"]

_BLOCK: Final = 1 << 16
_NEAR: Final = 1 << 17
"""Distance at which a search by time ends: the rest is read through."""


def begin(parts: list[Part], last: int | None, since: int, *, grows: bool) -> list[Lines]:
    """What to read of ``parts``, which are oldest first; in the same order, but without those that have nothing.

    ``last``: how many lines at most, None for all; ``since``: nanoseconds, entries before it are not needed, so that
    files and parts of files may be left out. ``grows``: the newest is read on beyond the size it had.
    """
    readers: list[Lines] = []
    missing = last
    for index in range(len(parts) - 1, -1, -1):
        part = parts[index]
        newest = index == len(parts) - 1
        if not newest and (missing == 0 or part.modified < since):
            break
        reader, found = _one(part, missing, since, end=None if newest and grows else part.size)
        readers.append(reader)
        if missing is not None:
            missing = max(0, missing - found)
    return readers[::-1]


def _one(part: Part, last: int | None, since: int, end: int | None) -> tuple[Lines, int]:
    """A reader for what is needed of one file, and how many lines that is when ``last`` says how many are missing."""
    if part.compressed:
        if last is None:
            return GzipLines(part.fd), 0
        total = _count(part)
        return GzipLines(part.fd, max(0, total - last)), min(total, last)
    offset, found = (0, 0) if last is None else offset_of_last(part.fd, part.size, last)
    if since:
        offset = max(offset, offset_of_time(part.fd, part.size, since))
    return PlainLines(part.fd, offset, end), found


def _count(part: Part) -> int:
    lines = GzipLines(part.fd)
    total = 0
    while (block := lines.read()) is not None:
        total += len(block)
    return total


def offset_of_last(fd: int, size: int, count: int) -> tuple[int, int]:
    """``(offset, lines)``: where the last ``count`` lines begin, and how many there are from there on.

    Reads backwards from ``size``. An unfinished last line is no line: reading begins before it and it comes as well.
    """
    needed = count + 1
    seen = 0
    position = size
    while position > 0:
        start = max(0, position - _BLOCK)
        block = os.pread(fd, position - start, start)
        here = block.count(b"\n")
        if seen + here >= needed:
            index = len(block)
            for _ in range(needed - seen):
                index = block.rfind(b"\n", 0, index)
            return start + index + 1, count
        seen += here
        position = start
    return 0, seen


def offset_of_time(fd: int, size: int, since: int) -> int:
    """Where a line begins before which there is nothing as late as ``since``, not far in front of the first that is.

    Entries are in the order of their times, unless the clock was set back: what it then repeated may be left out.
    """
    low, high = 0, size
    while high - low > _NEAR:
        middle = (low + high) // 2
        found = _first_entry(fd, middle, high)
        if found is None:
            high = middle
            continue
        offset, at = found
        if at < since:
            low = offset
        else:
            high = middle
    return low


def _first_entry(fd: int, offset: int, end: int) -> tuple[int, int] | None:
    """``(offset, time)`` of the first readable entry that begins after ``offset`` and before ``end``."""
    block = os.pread(fd, min(_BLOCK * 2, end - offset), offset)
    position = block.find(b"\n") + 1
    while position > 0:
        stop = block.find(b"\n", position)
        if stop < 0:
            return None
        entry = decode(block[position:stop])
        at = parse_time(entry.time) if entry is not None else None
        if at is not None:
            return offset + position, at
        position = stop + 1
    return None
