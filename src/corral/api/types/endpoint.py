"""A container's end of a network: as asked for in create and connect, and as it is in inspect."""

from __future__ import annotations

from corral.api.types.host_config import PortMap
from corral.api.types.wire import UNSET, UnsetType, Wire, field

__all__ = ["Address", "EndpointIPAMConfig", "EndpointSettings", "NetworkSettings", "NetworkingConfig"]


class EndpointIPAMConfig(Wire):
    """Addresses that the user wants."""

    ipv4_address: str | UnsetType = field(default=UNSET, name="IPv4Address")
    ipv6_address: str | UnsetType = field(default=UNSET, name="IPv6Address")
    link_local_ips: list[str] | UnsetType | None = field(default=UNSET, name="LinkLocalIPs")


class EndpointSettings(Wire):
    ipam_config: EndpointIPAMConfig | None = field(default=None, name="IPAMConfig")
    links: list[str] | None = None
    aliases: list[str] | None = None
    mac_address: str = ""
    driver_opts: dict[str, str] | None = None
    gw_priority: int = 0
    network_id: str = field(default="", name="NetworkID")
    endpoint_id: str = field(default="", name="EndpointID")
    gateway: str = ""
    ip_address: str = field(default="", name="IPAddress")
    ip_prefix_len: int = field(default=0, name="IPPrefixLen")
    ipv6_gateway: str = field(default="", name="IPv6Gateway")
    global_ipv6_address: str = field(default="", name="GlobalIPv6Address")
    global_ipv6_prefix_len: int = field(default=0, name="GlobalIPv6PrefixLen")
    dns_names: list[str] | None = field(default=None, name="DNSNames")


class NetworkingConfig(Wire):
    """Networks to join, by name or id."""

    endpoints_config: dict[str, EndpointSettings | None] | None = None


class Address(Wire):
    addr: str = ""
    prefix_len: int = 0


class NetworkSettings(Wire):
    """Of inspect. The addresses at the top repeat those on the default bridge."""

    bridge: str = ""
    sandbox_id: str = field(default="", name="SandboxID")
    sandbox_key: str = ""
    ports: PortMap | None = None
    hairpin_mode: bool = False
    link_local_ipv6_address: str = field(default="", name="LinkLocalIPv6Address")
    link_local_ipv6_prefix_len: int = field(default=0, name="LinkLocalIPv6PrefixLen")
    secondary_ip_addresses: list[Address] | None = field(default=None, name="SecondaryIPAddresses")
    secondary_ipv6_addresses: list[Address] | None = field(default=None, name="SecondaryIPv6Addresses")
    endpoint_id: str = field(default="", name="EndpointID")
    gateway: str = ""
    global_ipv6_address: str = field(default="", name="GlobalIPv6Address")
    global_ipv6_prefix_len: int = field(default=0, name="GlobalIPv6PrefixLen")
    ip_address: str = field(default="", name="IPAddress")
    ip_prefix_len: int = field(default=0, name="IPPrefixLen")
    ipv6_gateway: str = field(default="", name="IPv6Gateway")
    mac_address: str = ""
    networks: dict[str, EndpointSettings] | None = None
