"""Addresses of interfaces: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR.

::

    struct ifaddrmsg {            /* <linux/if_addr.h> */
        __u8  ifa_family;
        __u8  ifa_prefixlen;
        __u8  ifa_flags;
        __u8  ifa_scope;
        __u32 ifa_index;
    };
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass, field
from typing import Final

from corral.linux.netlink import message
from corral.linux.netlink.attributes import BINARY, STRING, U32, Attributes, Value
from corral.linux.netlink.connection import Connection
from corral.linux.netlink.message import Answer, Request

__all__ = ["Address", "add", "delete", "every"]

RTM_NEWADDR: Final = 20
RTM_DELADDR: Final = 21
RTM_GETADDR: Final = 22

IFADDRMSG: Final = struct.Struct("=BBBBI")
IFA: Final = Attributes(
    address=(1, BINARY), local=(2, BINARY), label=(3, STRING), broadcast=(4, BINARY), flags=(8, U32)
)
"""IFA_*; ``address`` is the peer's on a point-to-point link and otherwise the same as ``local``."""

RT_SCOPE_UNIVERSE: Final = 0
IFA_F_PERMANENT: Final = 0x80
_NODAD: Final = 0x02

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


@dataclass(frozen=True, slots=True)
class Address:
    """``index``: of the interface that has it; ``scope`` RT_SCOPE_*; ``flags`` IFA_F_*."""

    index: int
    interface: Interface
    scope: int = field(default=RT_SCOPE_UNIVERSE, compare=False)
    flags: int = field(default=IFA_F_PERMANENT, compare=False)


def add(index: int, interface: Interface) -> Request:
    """Gives the interface an address, IPv4 with its broadcast address, IPv6 without waiting for duplicate detection."""
    attributes: dict[str, Value] = {"local": interface.packed, "address": interface.packed}
    if isinstance(interface, ipaddress.IPv4Interface) and interface.network.prefixlen < 31:
        attributes["broadcast"] = interface.network.broadcast_address.packed
    payload = _header(index, interface) + IFA.encode(attributes)
    return Request(RTM_NEWADDR, message.NLM_F_CREATE | message.NLM_F_REPLACE, payload, f"add address {interface}")


def delete(index: int, interface: Interface) -> Request:
    payload = _header(index, interface) + IFA.encode({"local": interface.packed, "address": interface.packed})
    return Request(RTM_DELADDR, 0, payload, f"delete address {interface}")


def every(connection: Connection) -> list[Address]:
    """All addresses of the socket's namespace. Raises OSError."""
    request = Request(RTM_GETADDR, 0, IFADDRMSG.pack(0, 0, 0, 0, 0), "list addresses")
    return [found for answer in connection.dump(request) if (found := _address(answer)) is not None]


def _header(index: int, interface: Interface) -> bytes:
    family, flags = (socket.AF_INET, 0) if interface.version == 4 else (socket.AF_INET6, _NODAD)
    return IFADDRMSG.pack(family, interface.network.prefixlen, flags, 0, index)


def _address(answer: Answer) -> Address | None:
    _, prefix, flags, scope, index = IFADDRMSG.unpack_from(answer.payload)
    found = IFA.decode(answer.payload[IFADDRMSG.size :])
    packed = found.get("local", found.get("address"))
    if not isinstance(packed, bytes) or len(packed) not in (4, 16):
        return None
    more = found.get("flags")
    return Address(index, ipaddress.ip_interface((packed, prefix)), scope, more if isinstance(more, int) else flags)
