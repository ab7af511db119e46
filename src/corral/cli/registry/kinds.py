"""Flag values of these verbs: sizes in bytes, durations in seconds."""

from __future__ import annotations

from corral.cli.kinds import Kind
from corral.cli.units import parse_bytes, parse_duration


def _seconds(text: str) -> float:
    nanoseconds = parse_duration(text)
    if nanoseconds < 0:
        raise ValueError("must not be negative")
    return nanoseconds / 1e9


SIZE = Kind("bytes", parse_bytes, 0)
DURATION = Kind("duration", _seconds, 0.0)
