"""The forms that systemd's properties have (systemd.resource-control(5), org.freedesktop.systemd1(5))."""

from __future__ import annotations

from typing import Final

__all__ = ["Property", "bits", "number", "quota"]

Property = tuple[str, tuple[str, object]]
"""Name, and a variant: type signature and value."""

_INFINITY: Final = 2**64 - 1
_SECOND: Final = 1_000_000
_PER_CENT: Final = 10_000
_DEFAULT_PERIOD: Final = 100_000


def number(name: str, value: int) -> Property:
    """A negative ``value`` is no limit."""
    return name, ("t", _INFINITY if value < 0 else value)


def quota(limit: int | None, period: int | None) -> list[Property]:
    """``limit`` and ``period`` in microseconds, a limit of None, 0 or less being none; nothing of nothing."""
    found = [number("CPUQuotaPeriodUSec", period)] if period else []
    if limit or period:
        found.append(number("CPUQuotaPerSecUSec", _of_a_second(limit or 0, period or _DEFAULT_PERIOD)))
    return found


def _of_a_second(limit: int, period: int) -> int:
    """systemd counts in per cents, so it is rounded up to one."""
    if limit <= 0:
        return -1
    exact = limit * _SECOND // period
    return -(-exact // _PER_CENT) * _PER_CENT


def bits(text: str) -> bytes:
    """ "0-1,9" -> b"\\3\\2": a bit for each number, the least significant first. Raises ValueError."""
    mask = 0
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        for member in range(int(first), int(last if dash else first) + 1):
            mask |= 1 << member
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")
