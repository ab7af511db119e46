"""Routes: RTM_NEWROUTE, RTM_GETROUTE.

::

    struct rtmsg {                   /* <linux/rtnetlink.h> */
        unsigned char rtm_family;
        unsigned char rtm_dst_len;
        unsigned char rtm_src_len;
        unsigned char rtm_tos;
        unsigned char rtm_table;
        unsigned char rtm_protocol;
        unsigned char rtm_scope;
        unsigned char rtm_type;
        unsigned      rtm_flags;
    };
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass
from typing import Final

from corral.linux.netlink import message
from corral.linux.netlink.attributes import BINARY, U32, Attributes, Value
from corral.linux.netlink.connection import Connection
from corral.linux.netlink.message import Answer, Request

__all__ = ["Route", "add", "every"]

RTM_NEWROUTE: Final = 24
RTM_GETROUTE: Final = 26

RTN_UNICAST: Final = 1
RTPROT_BOOT: Final = 3
RT_TABLE_MAIN: Final = 254
RT_SCOPE_UNIVERSE: Final = 0
RT_SCOPE_LINK: Final = 253

RTMSG: Final = struct.Struct("=8BI")
RTA: Final = Attributes(dst=(1, BINARY), oif=(4, U32), gateway=(5, BINARY), priority=(6, U32), table=(15, U32))
"""RTA_*"""

Net = ipaddress.IPv4Network | ipaddress.IPv6Network
Host = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Route:
    """``index``: of the interface it leads through, 0 when there is none or several."""

    destination: Net
    index: int
    table: int


def add(destination: Net, *, index: int = 0, gateway: Host | None = None) -> Request:
    """A unicast route in the main table, through a gateway or directly on a link."""
    attributes: dict[str, Value] = {}
    if destination.prefixlen:
        attributes["dst"] = destination.network_address.packed
    if gateway is not None:
        attributes["gateway"] = gateway.packed
    if index:
        attributes["oif"] = index
    family = socket.AF_INET if destination.version == 4 else socket.AF_INET6
    scope = RT_SCOPE_LINK if gateway is None else RT_SCOPE_UNIVERSE
    header = RTMSG.pack(family, destination.prefixlen, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, scope, RTN_UNICAST, 0)
    flags = message.NLM_F_CREATE | message.NLM_F_REPLACE
    what = f"add route to {destination}" + (f" via {gateway}" if gateway is not None else "")
    return Request(RTM_NEWROUTE, flags, header + RTA.encode(attributes), what)


def every(connection: Connection, family: int = socket.AF_INET) -> list[Route]:
    """Unicast routes of all tables in the socket's namespace. Raises OSError."""
    request = Request(RTM_GETROUTE, 0, RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0), "list routes")
    return [found for answer in connection.dump(request) if (found := _route(answer)) is not None]


def _route(answer: Answer) -> Route | None:
    family, prefix, _, _, short_table, _, _, kind, _ = RTMSG.unpack_from(answer.payload)
    if kind != RTN_UNICAST:
        return None
    found = RTA.decode(answer.payload[RTMSG.size :])
    packed = found.get("dst", b"\0" * (4 if family == socket.AF_INET else 16))
    index, table = found.get("oif", 0), found.get("table", short_table)
    if not (isinstance(packed, bytes) and isinstance(index, int) and isinstance(table, int)):
        return None
    return Route(ipaddress.ip_network((packed, prefix)), index, table)
