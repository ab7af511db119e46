"""What the daemon's configuration says about networks."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_BRIDGE", "AddressPool", "NetworkConfig"]

DEFAULT_BRIDGE = "corral0"


@dataclass(frozen=True, slots=True)
class AddressPool:
    """Subnets of ``size`` bits are cut from ``base``."""

    base: str
    size: int


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The daemon's flags by their names.

    ``bridge``: interface of the default bridge network, "none" for no such network. ``bip``: its own address with
    prefix length, "" to choose. ``mtu`` 0: 1500. ``iptables``: whether the firewall is managed at all. ``ip``: the host
    address of published ports that name none, "" for all. ``userland_proxy``: whether the daemon serves connections to
    published ports that the firewall cannot translate, which are those over IPv6. ``default_address_pools``: empty for
    Docker's.
    """

    bridge: str = DEFAULT_BRIDGE
    bip: str = ""
    fixed_cidr: str = ""
    default_gateway: str = ""
    mtu: int = 0
    icc: bool = True
    ip: str = ""
    ip_forward: bool = True
    ip_masq: bool = True
    iptables: bool = True
    userland_proxy: bool = True
    default_address_pools: tuple[AddressPool, ...] = ()
    firewall_table: str = "corral"
