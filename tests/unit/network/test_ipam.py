"""Subnets and addresses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from corral.errors import Exhausted, Forbidden, Invalid, NotFound
from corral.network.ipam import pools
from corral.network.ipam.local import LocalIpam


def net(text: str) -> IPv4Network:
    return IPv4Network(text)


def test_dockers_pools_in_dockers_order() -> None:
    found = list(pools.subnets(pools.DEFAULT))
    assert (found[0], found[14], found[15], found[-1]) == (
        net("172.17.0.0/16"),
        net("172.31.0.0/16"),
        net("192.168.0.0/20"),
        net("192.168.240.0/20"),
    )


def test_a_subnet_that_overlaps_the_host_is_passed_over() -> None:
    host = [net("0.0.0.0/0"), net("172.17.5.0/24"), net("172.18.0.0/15"), net("10.0.0.0/8")]
    assert pools.choose(pools.DEFAULT, host) == net("172.20.0.0/16")
    assert pools.choose(pools.DEFAULT, [net("172.16.0.0/12"), net("192.168.0.0/16")]) is None


async def test_pools_do_not_overlap_each_other() -> None:
    ipam = LocalIpam()
    first, second = await ipam.request_pool(None), await ipam.request_pool(None)
    assert (first.network, second.network) == (net("172.17.0.0/16"), net("172.18.0.0/16"))
    with pytest.raises(Forbidden, match="Pool overlaps with other one on this address space"):
        await ipam.request_pool(net("172.17.1.0/24"))
    await ipam.release_pool(first.id)
    assert (await ipam.request_pool(net("172.17.1.0/24"))).network == net("172.17.1.0/24")


async def test_no_pool_is_left() -> None:
    ipam = LocalIpam([(net("10.0.0.0/24"), 25)])
    await ipam.request_pool(None)
    await ipam.request_pool(None)
    with pytest.raises(Exhausted, match="all predefined address pools have been fully subnetted"):
        await ipam.request_pool(None)


async def test_the_lowest_free_address_is_given_and_none_twice() -> None:
    ipam = LocalIpam()
    pool = await ipam.request_pool(net("10.0.0.0/29"))
    await ipam.request_address(pool.id, IPv4Address("10.0.0.1"))
    await ipam.request_address(pool.id, IPv4Address("10.0.0.4"))
    given = [str(await ipam.request_address(pool.id)) for _ in range(4)]
    assert given == ["10.0.0.2", "10.0.0.3", "10.0.0.5", "10.0.0.6"]
    with pytest.raises(Exhausted, match="no available IPv4 addresses"):
        await ipam.request_address(pool.id)
    await ipam.release_address(pool.id, IPv4Address("10.0.0.3"))
    await ipam.release_address(pool.id, IPv4Address("10.0.0.3"))
    assert str(await ipam.request_address(pool.id)) == "10.0.0.3"


async def test_particular_addresses() -> None:
    ipam = LocalIpam()
    pool = await ipam.request_pool(net("10.0.0.0/24"))
    await ipam.request_address(pool.id, IPv4Address("10.0.0.9"))
    with pytest.raises(Forbidden, match="Address already in use"):
        await ipam.request_address(pool.id, IPv4Address("10.0.0.9"))
    for outside in ("10.0.0.0", "10.0.0.255", "10.0.1.1"):
        with pytest.raises(Invalid, match="does not belong to any of this network's subnets"):
            await ipam.request_address(pool.id, IPv4Address(outside))
    with pytest.raises(NotFound):
        await ipam.request_address("other")


async def test_a_range_limits_what_is_chosen_but_not_what_is_asked_for() -> None:
    ipam = LocalIpam()
    pool = await ipam.request_pool(net("10.0.0.0/24"), net("10.0.0.128/30"))
    given = [str(await ipam.request_address(pool.id)) for _ in range(4)]
    assert given == ["10.0.0.128", "10.0.0.129", "10.0.0.130", "10.0.0.131"]
    with pytest.raises(Exhausted):
        await ipam.request_address(pool.id)
    assert await ipam.request_address(pool.id, IPv4Address("10.0.0.5"))
    with pytest.raises(Invalid):
        await ipam.request_pool(net("10.1.0.0/24"), net("10.0.0.0/30"))
