"""Numbers for people: sizes (1.98MB, 64MiB), durations (2 minutes ago), moments; and back: 64m, 1h30m, 2024-01-02."""

from __future__ import annotations

import time

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")


def decimal_size(size: float, precision: int = 4) -> str:
    """1982464 -> ``1.982MB``: powers of 1000, ``precision`` significant digits."""
    return _size(size, 1000.0, _DECIMAL, precision)


def binary_size(size: float, precision: int = 4) -> str:
    """65536 -> ``64KiB``: powers of 1024."""
    return _size(size, 1024.0, _BINARY, precision)


def _size(size: float, base: float, names: tuple[str, ...], precision: int) -> str:
    step = 0
    size = float(size)
    while size >= base and step < len(names) - 1:
        size /= base
        step += 1
    return go_general(size, precision) + names[step]


def go_general(value: float, precision: int) -> str:
    """Go's %.Ng: no trailing zeros, and an exponent of at least two digits where one is needed."""
    return f"{value:.{precision}g}"


def human_duration(seconds: float) -> str:
    """``5 seconds``, ``About a minute``, ``3 weeks``: docker's coarse spans."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < 60:
        return f"{whole} seconds"
    minutes = whole // 60
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = int(seconds / 3600 + 0.5)
    if hours == 1:
        return "About an hour"
    for limit, size, name in ((48, 1, "hours"), (24 * 7 * 2, 24, "days"), (24 * 30 * 2, 24 * 7, "weeks")):
        if hours < limit:
            return f"{hours // size} {name}"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{int(seconds / 3600) // 24 // 365} years"


def ago(moment: float) -> str:
    return human_duration(time.time() - moment) + " ago"


def local_time(moment: float) -> str:
    """``2024-01-02 03:04:05 +0100 CET``: Go's default format of a moment without fraction."""
    local = time.localtime(moment)
    return time.strftime("%Y-%m-%d %H:%M:%S ", local) + zone_offset(local.tm_gmtoff) + " " + local.tm_zone


def rfc3339_local(moment: float) -> str:
    """``2024-01-02T03:04:05+01:00``."""
    local = time.localtime(moment)
    offset = zone_offset(local.tm_gmtoff)
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + ("Z" if local.tm_gmtoff == 0 else f"{offset[:3]}:{offset[3:]}")


def zone_offset(seconds: int) -> str:
    sign = "-" if seconds < 0 else "+"
    minutes = abs(seconds) // 60
    return f"{sign}{minutes // 60:02}{minutes % 60:02}"


def parse_rfc3339(text: str) -> float | None:
    """Seconds since the epoch of ``2024-01-02T03:04:05.678Z`` or with an offset; None when it is not one."""
    import calendar

    try:
        moment = time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
        rest = text[19:]
        fraction = 0.0
        if rest.startswith("."):
            digits = len(rest) - len(rest[1:].lstrip("0123456789")) - 1
            fraction = float("0." + (rest[1 : 1 + digits] or "0"))
            rest = rest[1 + digits :]
        offset = 0
        if rest not in ("Z", "z", ""):
            sign = -1 if rest[0] == "-" else 1
            offset = sign * (int(rest[1:3]) * 3600 + int(rest[4:6]) * 60)
    except (ValueError, IndexError):
        return None
    return calendar.timegm(moment) + fraction - offset


_SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}


def parse_bytes(text: str) -> int:
    """``64m``, ``1.5GiB``, ``1024``: powers of 1024 in any spelling. Raises ValueError in docker's words."""
    number = text
    while number and not (number[-1].isdigit() or number[-1] == "."):
        number = number[:-1]
    # go-units: the number ends at the last digit or dot, one space may follow, then the unit.
    unit = text[len(number) :]
    try:
        if not number or number != number.strip() or "_" in number:
            raise ValueError
        value = float(number)
        if value < 0:
            raise ValueError
    except ValueError:
        raise ValueError(f"invalid size: '{text}'") from None
    word = unit.removeprefix(" ").lower()
    factor = _SIZE_UNITS.get(word[:1]) if word != "b" else 1
    if factor is None or word[1:] not in ("", "b", "ib") or (word[:1] in ("", "b") and word[1:]):
        raise ValueError(f"invalid suffix: '{word}'")
    return int(value * factor)


_DURATION_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}


def parse_duration(text: str) -> int:
    """Go's durations (``1h30m``, ``-1.5s``, ``300ms``, ``0``) in nanoseconds. Raises ValueError in Go's words."""
    from corral.cli.kinds import go_quote

    rest = text.removeprefix("-") if text.startswith("-") else text.removeprefix("+")
    if rest == "0":
        return 0
    total = 0.0
    if not rest:
        raise ValueError(f"time: invalid duration {go_quote(text)}")
    while rest:
        number = ""
        while rest and (rest[0] in "0123456789."):
            number += rest[0]
            rest = rest[1:]
        if not number.replace(".", "", 1).isdigit():
            raise ValueError(f"time: invalid duration {go_quote(text)}")
        unit = ""
        while rest and rest[0] not in "0123456789.":
            unit += rest[0]
            rest = rest[1:]
        if not unit:
            raise ValueError(f"time: missing unit in duration {go_quote(text)}")
        if unit not in _DURATION_UNITS:
            raise ValueError(f"time: unknown unit {go_quote(unit)} in duration {go_quote(text)}")
        total += float(number) * _DURATION_UNITS[unit]
    return -round(total) if text.startswith("-") else round(total)
