"""Connections that the kernel tracks, over NETLINK_NETFILTER: IPCTNL_MSG_CT_GET, IPCTNL_MSG_CT_DELETE.

Messages begin with ``struct nfgenmsg``, see ``nftables``. A connection is translated by what was decided for its first
packet; a datagram socket that goes on sending keeps its connection, and with it an outdated decision, alive for ever.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from corral.linux.netlink.attributes import BE16, BE32, BINARY, U8, Attributes, Value
from corral.linux.netlink.connection import Connection
from corral.linux.netlink.message import Request
from corral.linux.netlink.nftables.objects import NFGENMSG, header

__all__ = ["Tracked", "delete", "every"]

_NFNL_SUBSYS_CTNETLINK: Final = 1
_GET: Final = _NFNL_SUBSYS_CTNETLINK << 8 | 1
_DELETE: Final = _NFNL_SUBSYS_CTNETLINK << 8 | 2

_IP: Final = Attributes(source=(1, BINARY), destination=(2, BINARY))
"""CTA_IP_V4_*"""
_PROTO: Final = Attributes(number=(1, U8), source_port=(2, BE16), destination_port=(3, BE16))
"""CTA_PROTO_*"""
_TUPLE: Final = Attributes(ip=(1, _IP), proto=(2, _PROTO))
"""CTA_TUPLE_*"""
_CTA: Final = Attributes(orig=(1, _TUPLE), reply=(2, _TUPLE), id=(12, BE32))
"""CTA_*"""


@dataclass(frozen=True, slots=True)
class Tracked:
    """``destination`` and ``port``: what the first packet was sent to; ``answers``: who answers after translation."""

    protocol: int
    destination: ipaddress.IPv4Address
    port: int
    answers: ipaddress.IPv4Address
    original: Mapping[str, Value]
    id: int


def every(connection: Connection) -> list[Tracked]:
    """All IPv4 connections that have ports. Raises OSError."""
    request = Request(_GET, 0, header(), "list tracked connections")
    found = []
    for answer in connection.dump(request):
        values = _CTA.decode(answer.payload[NFGENMSG.size :])
        orig, reply = values.get("orig"), values.get("reply")
        if isinstance(orig, Mapping) and isinstance(reply, Mapping):
            tracked = _tracked(orig, reply, values.get("id", 0))
            if tracked is not None:
                found.append(tracked)
    return found


def delete(tracked: Tracked) -> Request:
    """Refused (ENOENT) when it has ended."""
    payload = header() + _CTA.encode({"orig": tracked.original, "id": tracked.id})
    return Request(_DELETE, 0, payload, f"delete tracked connection to {tracked.destination}:{tracked.port}")


def _tracked(orig: Mapping[str, Value], reply: Mapping[str, Value], identity: Value) -> Tracked | None:
    to, proto, back = orig.get("ip"), orig.get("proto"), reply.get("ip")
    if not (isinstance(to, Mapping) and isinstance(proto, Mapping) and isinstance(back, Mapping)):
        return None
    number, port = proto.get("number"), proto.get("destination_port")
    destination, source = to.get("destination"), back.get("source")
    if not (isinstance(number, int) and isinstance(port, int) and isinstance(identity, int)):
        return None
    if not (isinstance(destination, bytes) and isinstance(source, bytes)):
        return None
    return Tracked(
        number, ipaddress.IPv4Address(destination), port, ipaddress.IPv4Address(source), dict(orig), identity
    )
