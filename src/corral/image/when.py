"""Times: nanoseconds inside the engine, RFC 3339 text in image configurations and on the wire."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_NANO: Final = 1_000_000_000
_GRAMMAR: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)")
NEVER: Final = "0001-01-01T00:00:00Z"


def parse(text: str | None) -> int:
    """Nanoseconds since the epoch; 0 for nothing, for Go's zero time, and for what is no time."""
    match = _GRAMMAR.fullmatch(text or "")
    if match is None:
        return 0
    date, time, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{time}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError:
        return 0
    if moment.year == 1:
        return 0
    return int(moment.timestamp()) * _NANO + int((fraction or "0")[:9].ljust(9, "0"))


def render(nanoseconds: int) -> str:
    """RFC 3339 with as many digits as needed, as Go writes it; `NEVER` for 0."""
    if not nanoseconds:
        return NEVER
    seconds, fraction = divmod(nanoseconds, _NANO)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{text}{digits}Z"
