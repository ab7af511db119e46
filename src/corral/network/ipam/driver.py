"""IPAM drivers: who hands out subnets and addresses.

::

    pool = await ipam.request_pool(subnet or None, avoid=host_networks)
    gateway = await ipam.request_address(pool, str(first))
    address = await ipam.request_address(pool, None)
    ...
    await ipam.release_address(pool, address)
    await ipam.release_pool(pool)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Protocol

__all__ = ["Driver", "Pool"]


@dataclass(frozen=True, slots=True)
class Pool:
    """``id`` is the driver's name for it; ``ip_range``: the part of ``network`` that is handed out when nobody asks
    for a particular address."""

    id: str
    network: IPv4Network
    ip_range: IPv4Network


class Driver(Protocol):
    name: str

    async def request_pool(
        self, subnet: IPv4Network | None, ip_range: IPv4Network | None = None, *, avoid: Sequence[IPv4Network] = ()
    ) -> Pool:
        """Reserves ``subnet``, or one that overlaps neither another pool nor ``avoid``.

        Raises Forbidden when ``subnet`` overlaps a pool, Exhausted when there is none left.
        """

    async def release_pool(self, pool_id: str) -> None:
        """Idempotent."""

    async def request_address(self, pool_id: str, wanted: IPv4Address | None = None) -> IPv4Address:
        """Reserves ``wanted``, or the lowest that is free; never the network's or the broadcast address.

        Raises Forbidden when ``wanted`` is taken, Invalid when it is not in the pool, Exhausted, NotFound.
        """

    async def release_address(self, pool_id: str, address: IPv4Address) -> None:
        """Idempotent."""
