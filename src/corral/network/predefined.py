"""The three networks that every engine has: bridge, host and none."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from corral.errors import Invalid
from corral.linux.netlink import address, link, route
from corral.linux.netlink.connection import NETLINK_ROUTE, Connection
from corral.network.config import DEFAULT_BRIDGE, NetworkConfig
from corral.network.drivers.bridge_options import BridgeOptions
from corral.network.ipam.driver import Driver as IpamDriver
from corral.network.network import DEFAULT_GATEWAY, IpamConfig, Network

__all__ = ["HostNetworks", "default_bridge", "new", "trivial"]


class HostNetworks:
    """What the host's interfaces and routes occupy, the default bridge's own apart."""

    def __init__(self, bridge: str) -> None:
        with Connection(NETLINK_ROUTE) as connection:
            found = link.by_name(connection, bridge)
            own = found.index if found is not None else -1
            addresses = [entry for entry in address.every(connection) if entry.interface.version == 4]
            routes = route.every(connection)
        self.bridge_addresses = [
            entry.interface for entry in addresses if entry.index == own and isinstance(entry.interface, IPv4Interface)
        ]
        occupied = [entry.interface.network for entry in addresses if entry.index != own]
        occupied += [entry.destination for entry in routes if entry.index != own]
        self.occupied = [network for network in occupied if isinstance(network, IPv4Network)]


def new(name: str, driver: str) -> Network:
    return Network(id=secrets.token_hex(32), name=name, driver=driver, created=time.time_ns())


def trivial(existing: Network | None, name: str, driver: str) -> Network:
    return existing or new(name, driver)


async def default_bridge(
    existing: Network | None, config: NetworkConfig, ipam: IpamDriver, host: HostNetworks
) -> Network:
    """The record of the default bridge as the configuration wants it, its pool reserved.

    The subnet is, in this order: the one configured; that of an interface which the administrator prepared; the one it
    had before, unless the host uses it now; the first free one of the pools. Raises Invalid, Exhausted.
    """
    network = existing or new("bridge", "bridge")
    own = _configured(config)
    if own is None and config.bridge != DEFAULT_BRIDGE and host.bridge_addresses:
        own = host.bridge_addresses[0]
    if own is None:
        own = _former(network, host.occupied)
    ip_range = _network(config.fixed_cidr, "fixed-cidr") if config.fixed_cidr else None
    pool = await ipam.request_pool(own.network if own is not None else None, ip_range, avoid=host.occupied)
    bridge_address = own.ip if own is not None else pool.network[1]
    gateway = _gateway(config, bridge_address)
    for reserved in {bridge_address, gateway}:
        await ipam.request_address(pool.id, reserved)
    auxiliary = {DEFAULT_GATEWAY: str(gateway)} if gateway != bridge_address else {}
    options = BridgeOptions(
        interface=config.bridge,
        icc=config.icc,
        masquerade=config.ip_masq,
        host_binding=config.ip or "0.0.0.0",
        default=True,
        mtu=config.mtu or 1500,
    )
    part = IpamConfig(str(pool.network), str(bridge_address), config.fixed_cidr, pool.id, auxiliary)
    return replace(network, ipam=(part,), options=options.encode())


def _configured(config: NetworkConfig) -> IPv4Interface | None:
    if not config.bip:
        return None
    try:
        own = IPv4Interface(config.bip)
    except ValueError:
        raise Invalid(f"invalid --bip {config.bip}: not an address with a prefix length") from None
    if own.ip in (own.network.network_address, own.network.broadcast_address) or own.network.prefixlen > 30:
        raise Invalid(f"invalid --bip {config.bip}: not the address of a host in its subnet")
    return own


def _gateway(config: NetworkConfig, own: IPv4Address) -> IPv4Address:
    try:
        return IPv4Address(config.default_gateway) if config.default_gateway else own
    except ValueError:
        raise Invalid(f"invalid --default-gateway {config.default_gateway}: not an address") from None


def _former(network: Network, occupied: Sequence[IPv4Network]) -> IPv4Interface | None:
    for part in network.ipam:
        if not any(part.network.overlaps(other) for other in occupied if other.prefixlen):
            return IPv4Interface(f"{part.gateway}/{part.network.prefixlen}")
    return None


def _network(text: str, flag: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError:
        raise Invalid(f"invalid --{flag} {text}: not a subnet") from None
