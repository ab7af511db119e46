"""Neighbours and forwarding entries of bridges: RTM_NEWNEIGH, RTM_DELNEIGH.

::

    struct ndmsg {            /* <linux/neighbour.h> */
        __u8  ndm_family;     /* AF_BRIDGE for forwarding entries */
        __u8  ndm_pad1;
        __u16 ndm_pad2;
        __s32 ndm_ifindex;
        __u16 ndm_state;      /* NUD_* */
        __u8  ndm_flags;      /* NTF_* */
        __u8  ndm_type;
    };
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Final

from corral.linux.netlink import message
from corral.linux.netlink.attributes import BINARY, Attributes
from corral.linux.netlink.message import Request

__all__ = ["add", "add_forwarding", "delete"]

RTM_NEWNEIGH: Final = 28
RTM_DELNEIGH: Final = 29

NUD_REACHABLE: Final = 0x02
NUD_PERMANENT: Final = 0x80
NTF_MASTER: Final = 0x04

AF_BRIDGE: Final = 7

NDMSG: Final = struct.Struct("=BxxxiHBB")
NDA: Final = Attributes(dst=(1, BINARY), lladdr=(2, BINARY))
"""NDA_*"""

Host = ipaddress.IPv4Address | ipaddress.IPv6Address


def add(index: int, address: Host, mac: bytes, *, state: int = NUD_REACHABLE) -> Request:
    """Tells the interface's side which hardware address ``address`` has, replacing what it believed before."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    payload = NDMSG.pack(family, index, state, 0, 0) + NDA.encode({"dst": address.packed, "lladdr": mac})
    flags = message.NLM_F_CREATE | message.NLM_F_REPLACE
    return Request(RTM_NEWNEIGH, flags, payload, f"add neighbour {address}")


def delete(index: int, address: Host) -> Request:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    payload = NDMSG.pack(family, index, 0, 0, 0) + NDA.encode({"dst": address.packed})
    return Request(RTM_DELNEIGH, 0, payload, f"delete neighbour {address}")


def add_forwarding(port: int, mac: bytes) -> Request:
    """Binds ``mac`` to the bridge port of that index, wherever the bridge had learned it before."""
    payload = NDMSG.pack(AF_BRIDGE, port, NUD_REACHABLE, NTF_MASTER, 0) + NDA.encode({"lladdr": mac})
    flags = message.NLM_F_CREATE | message.NLM_F_REPLACE
    return Request(RTM_NEWNEIGH, flags, payload, f"add forwarding entry {mac.hex(':')}")
