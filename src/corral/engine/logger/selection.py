"""What of a log is wanted, and in which dress: streams, a span of time, timestamps, details."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote_plus

from corral.api.types.container import LogsOptions
from corral.engine.logger.entry import Entry, decode, format_time, parse_time

__all__ = ["Selection"]

_FULL_UTC: Final = len("2024-01-01T00:00:00.000000000Z")


class Selection:
    """Lines in, ``(stream, bytes)`` out. ``is_done()`` from the first entry that is later than ``until`` on."""

    def __init__(self, options: LogsOptions) -> None:
        self._streams = {
            name: number
            for name, number, wanted in (("stdout", 1, options.stdout), ("stderr", 2, options.stderr))
            if wanted
        }
        self._since, self._until = options.since, options.until
        self._timestamps, self._details = options.timestamps, options.details
        self._plain = not (options.since or options.until or options.timestamps or options.details)
        self._done = False

    def is_done(self) -> bool:
        return self._done

    def select(self, lines: Iterable[bytes]) -> list[tuple[int, bytes]]:
        """In order. Lines that are no entries are left out."""
        found: list[tuple[int, bytes]] = []
        streams = self._streams
        for line in lines:
            entry = decode(line)
            if entry is None:
                continue
            if not self._plain:
                self._dress(entry, found)
                if self._done:
                    break
            elif (stream := streams.get(entry.stream)) is not None:
                found.append((stream, _bytes(entry.log)))
        return found

    def _dress(self, entry: Entry, found: list[tuple[int, bytes]]) -> None:
        at = None
        if self._since or self._until:
            at = parse_time(entry.time)
            if at is None or at < self._since:
                return
            if self._until and at > self._until:
                self._done = True
                return
        stream = self._streams.get(entry.stream)
        if stream is None:
            return
        text = _bytes(entry.log)
        if self._details:
            text = _details(entry.attrs or {}) + b" " + text
        if self._timestamps:
            text = _timestamp(entry.time, at) + b" " + text
        found.append((stream, text))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _timestamp(text: str, at: int | None) -> bytes:
    if len(text) == _FULL_UTC and text[-1] == "Z":
        return text.encode()
    at = parse_time(text) if at is None else at
    return format_time(at or 0).encode()


def _details(attributes: dict[str, str]) -> bytes:
    """``k=v,k2=v2``, sorted, values as in a query string."""
    return ",".join(f"{quote_plus(key)}={quote_plus(attributes[key])}" for key in sorted(attributes)).encode()
