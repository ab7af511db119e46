"""The ``default`` IPAM driver: pools and addresses in memory.

Addresses are handed out lowest first, as users of the default bridge expect (172.17.0.2 for the first container).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

from corral.errors import Exhausted, Forbidden, Invalid, NotFound
from corral.network.ipam import pools
from corral.network.ipam.driver import Pool

__all__ = ["LocalIpam"]


class _Addresses:
    """The numbers of one pool that are taken; ``_hint``: below it none is free."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._taken: set[int] = set()
        small = pool.network.prefixlen >= 31
        self._lowest = int(pool.network.network_address) + (0 if small else 1)
        self._highest = int(pool.network.broadcast_address) - (0 if small else 1)
        self._first = max(self._lowest, int(pool.ip_range.network_address))
        self._last = min(self._highest, int(pool.ip_range.broadcast_address))
        self._hint = self._first

    def take(self, wanted: IPv4Address | None) -> IPv4Address:
        if wanted is None:
            return self._take_lowest()
        number = int(wanted)
        if not self._lowest <= number <= self._highest:
            raise Invalid(f"Invalid address {wanted}: It does not belong to any of this network's subnets")
        if number in self._taken:
            raise Forbidden("Address already in use")
        self._taken.add(number)
        return wanted

    def _take_lowest(self) -> IPv4Address:
        number = self._hint
        while number in self._taken:
            number += 1
        if number > self._last:
            raise Exhausted(f"no available IPv4 addresses on this network's address pools: {self.pool.network}")
        self._taken.add(number)
        self._hint = number + 1
        return IPv4Address(number)

    def give_back(self, address: IPv4Address) -> None:
        number = int(address)
        self._taken.discard(number)
        if self._first <= number < self._hint:
            self._hint = number


class LocalIpam:
    name = "default"

    def __init__(self, candidates: Sequence[tuple[IPv4Network, int]] = pools.DEFAULT) -> None:
        self._candidates = tuple(candidates)
        self._pools: dict[str, _Addresses] = {}

    async def request_pool(
        self, subnet: IPv4Network | None, ip_range: IPv4Network | None = None, *, avoid: Sequence[IPv4Network] = ()
    ) -> Pool:
        existing = [addresses.pool.network for addresses in self._pools.values()]
        if subnet is None:
            subnet = pools.choose(self._candidates, [*existing, *avoid])
            if subnet is None:
                raise Exhausted("all predefined address pools have been fully subnetted")
        elif any(subnet.overlaps(network) for network in existing):
            raise Forbidden("invalid pool request: Pool overlaps with other one on this address space")
        if ip_range is not None and not ip_range.subnet_of(subnet):
            raise Invalid(f"invalid pool request: {ip_range} is not part of {subnet}")
        pool = Pool(f"LocalDefault/{subnet}", subnet, ip_range or subnet)
        self._pools[pool.id] = _Addresses(pool)
        return pool

    async def release_pool(self, pool_id: str) -> None:
        self._pools.pop(pool_id, None)

    async def request_address(self, pool_id: str, wanted: IPv4Address | None = None) -> IPv4Address:
        if pool_id not in self._pools:
            raise NotFound(f"no address pool {pool_id}")
        return self._pools[pool_id].take(wanted)

    async def release_address(self, pool_id: str, address: IPv4Address) -> None:
        if pool_id in self._pools:
            self._pools[pool_id].give_back(address)
