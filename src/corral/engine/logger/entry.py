"""One line of a json-file log: ``{"log":"...\\n","stream":"stdout","attrs":{...},"time":"2024-01-01T00:00:00.5Z"}``."""

from __future__ import annotations

import calendar
import functools
import re
import time
from typing import Final

import msgspec

__all__ = ["Entry", "decode", "format_time", "parse_time"]

_NANO: Final = 1_000_000_000
_FULL_UTC: Final = len("2024-01-01T00:00:00.000000000Z")
_START: Final = b'{"log":'
_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-])(\d\d):(\d\d))"
)


class Entry(msgspec.Struct, gc=False):
    """``log`` holds at most one line, with its line feed unless more of the line comes in the next entry."""

    log: str = ""
    stream: str = ""
    time: str = ""
    attrs: dict[str, str] | None = None


_DECODER: Final = msgspec.json.Decoder(Entry)


def decode(line: bytes) -> Entry | None:
    """None for what is no entry: the rest of a torn write, garbage after a power failure.

    An entry that was appended to a torn one is found at the end of the line.
    """
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    start = line.rfind(_START)
    if start <= 0:
        return None
    try:
        return _DECODER.decode(line[start:])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def parse_time(text: str) -> int | None:
    """RFC 3339 -> nanoseconds since the epoch; None when it is something else."""
    if len(text) == _FULL_UTC and text[19] == "." and text[29] == "Z" and text[20:29].isdecimal():
        seconds = _second(text[:19])
        return None if seconds is None else seconds * _NANO + int(text[20:29])
    return _parse_any(text)


@functools.lru_cache(64)
def _second(text: str) -> int | None:
    """A date and a time of day without zone: neighbours in a log share most of them."""
    whole = _parse_any(f"{text}Z")
    return None if whole is None else whole // _NANO


def _parse_any(text: str) -> int | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, zone_hour, zone_minute = match.groups()
    fields = (int(year), int(month), int(day), int(hour), int(minute), int(second))
    try:
        seconds = calendar.timegm((*fields, 0, 0, 0))
    except ValueError:
        return None
    if sign:
        offset = int(zone_hour) * 3600 + int(zone_minute) * 60
        seconds += offset if sign == "-" else -offset
    return seconds * _NANO + int((fraction or "").ljust(9, "0"))


def format_time(at: int) -> str:
    """Nanoseconds since the epoch -> RFC 3339 in UTC with nine digits, as ``docker logs --timestamps`` shows it."""
    seconds, nanoseconds = divmod(at, _NANO)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanoseconds:09d}Z"
