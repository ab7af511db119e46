"""An endpoint: one container's interface on one network."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

__all__ = ["Endpoint", "mac_of", "new_interface_name"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Addresses as text, "" when there is none.

    ``host_interface``: the outer end, in the host's namespace; ``interface``: the inner end, in the sandbox.
    """

    network_id: str
    network_name: str
    endpoint_id: str
    ip: str = ""
    prefix_len: int = 0
    gateway: str = ""
    mac: str = ""
    ipv6: str = ""
    ipv6_prefix_len: int = 0
    ipv6_gateway: str = ""
    interface: str = ""
    host_interface: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def address(self) -> ipaddress.IPv4Interface | None:
        return ipaddress.IPv4Interface(f"{self.ip}/{self.prefix_len}") if self.ip else None

    @property
    def hardware_address(self) -> bytes:
        return bytes.fromhex(self.mac.replace(":", ""))


def mac_of(address: ipaddress.IPv4Address) -> str:
    """Docker's classic: 02:42 and the four bytes of the address.

    The same address has the same hardware address whoever gets it next, so that no neighbour's cache goes stale.
    """
    return (b"\x02\x42" + address.packed).hex(":")


def new_interface_name(endpoint_id: str) -> str:
    """The outer end's name: "veth" and seven digits of the endpoint's id, in the fifteen bytes that the kernel has."""
    return f"veth{endpoint_id[:7]}"
