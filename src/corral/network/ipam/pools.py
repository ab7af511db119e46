"""Which subnets networks get when nobody says: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network
from typing import Final

__all__ = ["DEFAULT", "choose", "subnets"]

DEFAULT: Final = (
    *((IPv4Network((0xAC110000 + (number << 16), 16)), 16) for number in range(15)),  # 172.17.0.0/16 - 172.31.0.0/16
    (IPv4Network("192.168.0.0/16"), 20),
)
"""Docker's: (base, prefix length of the subnets that are cut from it)."""


def subnets(pools: Iterable[tuple[IPv4Network, int]]) -> Iterator[IPv4Network]:
    """All candidates in order."""
    for base, size in pools:
        yield from base.subnets(new_prefix=size)


def choose(pools: Iterable[tuple[IPv4Network, int]], avoid: Sequence[IPv4Network]) -> IPv4Network | None:
    """The first candidate that overlaps nothing of ``avoid``; a default route (0.0.0.0/0) does not count."""
    taken = [network for network in avoid if network.prefixlen]
    for candidate in subnets(pools):
        if not any(candidate.overlaps(network) for network in taken):
            return candidate
    return None
