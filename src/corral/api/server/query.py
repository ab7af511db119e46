"""Query parameters, read as Docker reads them."""

from __future__ import annotations

import datetime
import json
import re
import time
from typing import Any, Final

from corral.api.server.http.request import Request
from corral.errors import Invalid
from corral.oci.platform import Platform, parse_platform

__all__ = ["Filters", "boolean", "filters", "integer", "platform", "platforms", "timestamp"]

Filters = dict[str, list[str]]

_FALSE: Final = frozenset(("", "0", "no", "false", "none"))
_NANO: Final = 1_000_000_000
_SECONDS: Final = re.compile(r"(-?\d{1,12})(?:\.(\d{1,9}))?")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_PLAIN_PLATFORM: Final = re.compile(r"[\w-]+(?:/[\w.-]+){1,2}")
_UNITS: Final = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": _NANO, "m": 60 * _NANO, "h": 3600 * _NANO}
_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9})\d*)?)?([Zz]|[+-]\d\d:\d\d)?"
)


def boolean(request: Request, name: str, default: bool = False) -> bool:
    """Anything is true but "", 0, no, false and none, in any case; ``default`` if it is absent."""
    value = request.query.get(name)
    return default if value is None else value.strip().lower() not in _FALSE


def integer(request: Request, name: str) -> int | None:
    """None if absent or empty. Raises Invalid."""
    value = request.query.get(name)
    if not value:
        return None
    try:
        return int(value)
    except ValueError:
        raise Invalid(f"invalid value {value!r} of parameter {name}: not a number") from None


def filters(request: Request) -> Filters:
    """The ``filters`` parameter: {"name": ["value"]} or, as older clients send it, {"name": {"value": true}}."""
    value = request.query.get("filters")
    if not value:
        return {}
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        raise Invalid("invalid filter") from None
    if decoded is None:
        return {}
    if not isinstance(decoded, dict):
        raise Invalid("invalid filter")
    return {name: _filter_values(values) for name, values in decoded.items()}


def _filter_values(values: Any) -> list[str]:
    if isinstance(values, dict):
        values = [value for value, wanted in values.items() if wanted]
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Invalid("invalid filter")
    return list(values)


def platform(request: Request, name: str = "platform") -> Platform | None:
    """None if absent or empty; JSON of an OCI platform or, as older clients send it, os/architecture/variant.

    Raises Invalid in Docker's words.
    """
    value = request.query.get(name, "")
    return _platform(value) if value else None


def platforms(request: Request, name: str) -> list[Platform]:
    """A parameter that may be given several times. Raises Invalid."""
    return [_platform(value) for value in request.query_list(name) if value]


def _platform(value: str) -> Platform:
    if _PLAIN_PLATFORM.fullmatch(value):
        return parse_platform(value)
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"failed to parse platform: {error}") from None
    if not isinstance(decoded, dict):
        raise Invalid("failed to parse platform: not an object")
    parts = [decoded.get(part) or "" for part in ("os", "architecture", "variant")]
    if not all(isinstance(part, str) for part in parts):
        raise Invalid("failed to parse platform: not a string")
    if not parts[0] and not parts[1] and parts[2]:
        raise Invalid("optional platform components provided, but OS and Architecture must be provided")
    if not parts[0] or not parts[1]:
        raise Invalid("both OS and Architecture must be provided")
    return Platform(*parts)


def timestamp(request: Request, name: str, now: int | None = None) -> int:
    """Nanoseconds since the epoch, 0 if absent. Raises Invalid.

    Forms: seconds with a fraction ("1136073600.000000001"), RFC 3339 with or without time and zone (UTC), and how long
    ago as a Go duration ("1h30m").
    """
    value = request.query.get(name, "").strip()
    if not value:
        return 0
    if match := _SECONDS.fullmatch(value):
        return max(0, int(match[1]) * _NANO + int((match[2] or "0").ljust(9, "0")))
    if match := _RFC3339.fullmatch(value):
        try:
            return _rfc3339(match)
        except ValueError:
            raise Invalid(f"invalid value for {name!r}: {value!r} is not a date") from None
    parts = _DURATION.findall(value)
    if parts and "".join(number + unit for number, unit in parts) == value.removeprefix("-"):
        ago = int(sum(float(number) * _UNITS[unit] for number, unit in parts))
        return max(0, (time.time_ns() if now is None else now) - ago)
    raise Invalid(f"invalid value for {name!r}: {value!r} is neither a time nor a duration")


def _rfc3339(match: re.Match[str]) -> int:
    zone = (match[4] or "Z").upper().replace("Z", "+00:00")
    clock = match[2] or "00:00:00"
    parsed = datetime.datetime.fromisoformat(f"{match[1]}T{clock}{zone}")
    return max(0, int(parsed.timestamp()) * _NANO + int((match[3] or "0").ljust(9, "0")))
