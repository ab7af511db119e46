"""--since and --until: moments and spans, as the API takes them."""

from __future__ import annotations

import time

from corral.cli.errors import CliError
from corral.cli.kinds import go_quote
from corral.cli.units import parse_duration, parse_rfc3339

_FORMATS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H", "%Y-%m-%d")


def timestamp(text: str, name: str = "") -> str | None:
    """Seconds since the epoch with nine digits of fraction; None without text.

    Takes a span before now (``42m``), a date or moment (in local time unless it says where), or seconds since the
    epoch, which pass as they are. Raises CliError.
    """
    if not text:
        return None
    if text.replace(".", "", 1).isdigit() and text.isascii():
        return text
    try:
        return _shown(time.time_ns() - parse_duration(text))
    except ValueError:
        pass
    moment = parse_rfc3339(text) if len(text) > 19 and "T" in text else None
    if moment is not None:
        return _shown(round(moment * 1_000_000) * 1000)
    for layout in _FORMATS:
        utc = text.endswith("Z")
        try:
            parsed = time.strptime(text.removesuffix("Z"), layout)
        except ValueError:
            continue
        import calendar

        return _shown(int(calendar.timegm(parsed) if utc else time.mktime(parsed)) * 10**9)
    where = f'invalid value for "{name}": ' if name else ""
    raise CliError(f"{where}failed to parse value as time or duration: {go_quote(text)}")


def _shown(nanoseconds: int) -> str:
    return f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09}"
