"""Counters of network interfaces, as a process's own /proc/PID/net/dev shows those of its network namespace."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["Interface", "parse"]


@dataclass(frozen=True, slots=True)
class Interface:
    """Received and transmitted, since the interface was made."""

    rx_bytes: int = 0
    rx_packets: int = 0
    rx_errors: int = 0
    rx_dropped: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0
    tx_errors: int = 0
    tx_dropped: int = 0


def parse(text: str, wanted: Collection[str]) -> dict[str, Interface]:
    """By name, in the kernel's order, only those that are ``wanted``. Two lines of heading, then one for each."""
    found = {}
    for line in text.splitlines()[2:]:
        name, _, numbers = line.strip().rpartition(":")
        fields = numbers.split()
        if name in wanted and len(fields) >= 12:
            found[name] = Interface(*map(int, fields[:4]), *map(int, fields[8:12]))
    return found
