"""Signals as users write them: "SIGTERM", "term", "15", "RTMIN+3"."""

from __future__ import annotations

import re
import signal
from typing import Final

from corral.errors import Invalid

__all__ = ["parse"]

_RTMIN: Final = 34
_RTMAX: Final = 64
_REALTIME: Final = re.compile(r"RT(MIN|MAX)([+-]\d+)?")
_NAMES: Final[dict[str, int]] = {
    name.removeprefix("SIG"): number.value
    for name, number in signal.Signals.__members__.items()
    if not name.startswith("SIGRT")
} | {"CLD": signal.SIGCHLD.value, "POLL": signal.SIGIO.value, "UNUSED": 31, "STKFLT": 16}


def parse(text: str) -> int:
    """Raises Invalid with Docker's words; "0" is no signal."""
    if text.isdecimal():
        number = int(text)
        if 0 < number <= _RTMAX:
            return number
        raise Invalid(f"invalid signal: {text}")
    name = text.upper().removeprefix("SIG")
    if match := _REALTIME.fullmatch(name):
        base = _RTMIN if match[1] == "MIN" else _RTMAX
        number = base + int(match[2] or 0)
        if _RTMIN <= number <= _RTMAX:
            return number
    elif name in _NAMES:
        return _NAMES[name]
    raise Invalid(f"invalid signal: {text}")
