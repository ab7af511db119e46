"""Pressure stall information of a group: how long its processes waited for processor, memory and I/O.

Version 2 only, in core files that are there without any controller (psi(5), Documentation/accounting/psi.rst). Shares
are percentages of the last 10, 60 and 300 seconds, ``total`` is in microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["RESOURCES", "Pressure", "Stall", "parse"]

RESOURCES: Final = ("cpu", "memory", "io")


@dataclass(frozen=True, slots=True)
class Stall:
    avg10: float = 0.0
    avg60: float = 0.0
    avg300: float = 0.0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Pressure:
    """``some``: at least one task waited; ``full``: all of them at once. None where the kernel does not say."""

    some: Stall | None = None
    full: Stall | None = None


def parse(text: str) -> Pressure:
    """Lines such as ``some avg10=0.00 avg60=0.00 avg300=0.00 total=0``; what is not of this form is left out."""
    found: dict[str, Stall] = {}
    for line in text.splitlines():
        kind, *pairs = line.split()
        values = dict(pair.partition("=")[::2] for pair in pairs)
        try:
            found[kind] = Stall(
                float(values["avg10"]), float(values["avg60"]), float(values["avg300"]), int(values["total"])
            )
        except (KeyError, ValueError):
            continue
    return Pressure(found.get("some"), found.get("full"))
