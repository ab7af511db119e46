"""Network interfaces: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK.

::

    struct ifinfomsg {               /* <linux/rtnetlink.h> */
        unsigned char  ifi_family;
        unsigned char  __ifi_pad;
        unsigned short ifi_type;     /* ARPHRD_* */
        int            ifi_index;
        unsigned       ifi_flags;    /* IFF_* */
        unsigned       ifi_change;   /* which of the flags are meant */
    };
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from corral.linux.netlink import message
from corral.linux.netlink.attributes import BE16, BINARY, S32, STRING, U8, U16, U32, Attributes, Value, attribute
from corral.linux.netlink.connection import Connection
from corral.linux.netlink.message import Answer, Request

__all__ = ["Link", "VethEnd", "add_bridge", "add_veth", "by_name", "change", "delete", "every", "index_of", "move"]

RTM_NEWLINK: Final = 16
RTM_DELLINK: Final = 17
RTM_GETLINK: Final = 18

IFF_UP: Final = 0x1
IFF_RUNNING: Final = 0x40

_VETH_INFO_PEER: Final = 1

IFINFOMSG: Final = struct.Struct("=BxHiII")

_BRIDGE: Final = Attributes(forward_delay=(1, U32), ageing_time=(4, U32), stp_state=(5, U32), vlan_protocol=(8, BE16))
"""IFLA_BR_*: what rides in IFLA_INFO_DATA of a bridge; times in hundredths of a second."""

_PORT: Final = Attributes(mode=(4, U8), guard=(5, U8), learning=(8, U8), unicast_flood=(9, U8), isolated=(33, U8))
"""IFLA_BRPORT_*: what rides in IFLA_INFO_SLAVE_DATA of a port of a bridge; ``mode`` 1 is hairpin."""

_INFO: Final = Attributes(kind=(1, STRING), data=(2, BINARY), slave_kind=(4, STRING), slave_data=(5, BINARY))
"""IFLA_INFO_*"""

_INET6: Final = Attributes(addr_gen_mode=(8, U8))
"""IFLA_INET6_*; mode 1 is IN6_ADDR_GEN_MODE_NONE."""

_AF_SPEC: Final = Attributes(inet6=(10, _INET6))
"""By address family."""

IFLA: Final = Attributes(
    address=(1, BINARY),
    ifname=(3, STRING),
    mtu=(4, U32),
    link=(5, S32),
    master=(10, U32),
    linkinfo=(18, _INFO),
    af_spec=(26, _AF_SPEC),
    net_ns_fd=(28, U32),
    group=(27, U32),
    alias=(20, STRING),
    link_netnsid=(37, S32),
    prop=(52, U16),
)
"""IFLA_*"""


@dataclass(frozen=True, slots=True)
class Link:
    """An interface as it is. ``master``: index of its bridge, 0 for none; ``kind`` is "" for hardware and loopback."""

    index: int
    name: str
    kind: str
    address: bytes
    mtu: int
    master: int
    up: bool
    alias: str


@dataclass(frozen=True, slots=True)
class VethEnd:
    """One end of a pair to be made. ``netns_fd`` None: the namespace of the socket; ``mac`` None: random."""

    name: str
    mac: bytes | None = None
    netns_fd: int | None = None
    master: int | None = None
    up: bool = False

    def encode(self, mtu: int) -> bytes:
        """ifinfomsg and attributes."""
        flags = IFF_UP if self.up else 0
        attributes: dict[str, Value] = {"ifname": self.name}
        if self.mac is not None:
            attributes["address"] = self.mac
        if mtu:
            attributes["mtu"] = mtu
        if self.netns_fd is not None:
            attributes["net_ns_fd"] = self.netns_fd
        if self.master is not None:
            attributes["master"] = self.master
        return IFINFOMSG.pack(0, 0, 0, flags, flags) + IFLA.encode(attributes)


def add_veth(end: VethEnd, peer: VethEnd, *, mtu: int = 0) -> Request:
    """A veth pair in one message, each end in its namespace under its final name; the peer cannot have a master."""
    data = attribute(_VETH_INFO_PEER, peer.encode(mtu))
    info = IFLA.encode({"linkinfo": {"kind": "veth", "data": data}})
    payload = end.encode(mtu) + info
    flags = message.NLM_F_CREATE | message.NLM_F_EXCL
    return Request(RTM_NEWLINK, flags, payload, f"add veth {end.name} with peer {peer.name}")


def add_bridge(name: str, *, mac: bytes | None = None, mtu: int = 0) -> Request:
    """A bridge without spanning tree, down."""
    attributes: dict[str, Value] = {"ifname": name}
    if mac is not None:
        attributes["address"] = mac
    if mtu:
        attributes["mtu"] = mtu
    attributes["linkinfo"] = {"kind": "bridge", "data": _BRIDGE.encode({"forward_delay": 0, "stp_state": 0})}
    payload = IFINFOMSG.pack(0, 0, 0, 0, 0) + IFLA.encode(attributes)
    return Request(RTM_NEWLINK, message.NLM_F_CREATE | message.NLM_F_EXCL, payload, f"add bridge {name}")


def change(
    index: int,
    *,
    name: str = "",
    up: bool | None = None,
    mac: bytes | None = None,
    mtu: int = 0,
    master: int | None = None,
    port: Mapping[str, int] | None = None,
    link_local: bool | None = None,
) -> Request:
    """Changes to the interface of that index, or (index 0) of that name.

    ``master`` 0 takes it out of its bridge; ``port`` holds IFLA_BRPORT_* values of a port that is already in one;
    ``link_local`` False: no IPv6 link-local address when it goes up, so say it before; needs a kernel with IPv6.
    """
    attributes: dict[str, Value] = {}
    if name:
        attributes["ifname"] = name
    if mac is not None:
        attributes["address"] = mac
    if mtu:
        attributes["mtu"] = mtu
    if master is not None:
        attributes["master"] = master
    if port is not None:
        attributes["linkinfo"] = {"slave_kind": "bridge", "slave_data": _PORT.encode(dict(port))}
    if link_local is not None:
        attributes["af_spec"] = {"inet6": {"addr_gen_mode": 0 if link_local else 1}}
    mask = IFF_UP if up is not None else 0
    payload = IFINFOMSG.pack(0, 0, index, IFF_UP if up else 0, mask) + IFLA.encode(attributes)
    return Request(RTM_NEWLINK, 0, payload, f"change interface {name or index}")


def move(index: int, netns_fd: int, name: str) -> Request:
    """Into another network namespace, under another name; it goes down. Its addresses are lost on the way."""
    payload = IFINFOMSG.pack(0, 0, index, 0, IFF_UP) + IFLA.encode({"net_ns_fd": netns_fd, "ifname": name})
    return Request(RTM_NEWLINK, 0, payload, f"move interface {index} as {name}")


def delete(name: str) -> Request:
    """Removes an interface; of a veth pair, both ends."""
    payload = IFINFOMSG.pack(0, 0, 0, 0, 0) + IFLA.encode({"ifname": name})
    return Request(RTM_DELLINK, 0, payload, f"delete interface {name}")


def by_name(connection: Connection, name: str) -> Link | None:
    """Raises OSError; None when there is no such interface."""
    answer = _get(connection, name)
    return None if answer is None else _link(answer)


def index_of(connection: Connection, name: str) -> int | None:
    """The same for those who need no more than its index."""
    answer = _get(connection, name)
    index: int | None = None if answer is None else IFINFOMSG.unpack_from(answer.payload)[2]
    return index


def _get(connection: Connection, name: str) -> Answer | None:
    payload = IFINFOMSG.pack(0, 0, 0, 0, 0) + IFLA.encode({"ifname": name})
    return connection.get(Request(RTM_GETLINK, 0, payload, f"get interface {name}"))


def every(connection: Connection) -> list[Link]:
    """All interfaces of the socket's namespace. Raises OSError."""
    request = Request(RTM_GETLINK, 0, IFINFOMSG.pack(0, 0, 0, 0, 0), "list interfaces")
    return [_link(answer) for answer in connection.dump(request)]


def _link(answer: Answer) -> Link:
    _, _, index, flags, _ = IFINFOMSG.unpack_from(answer.payload)
    found = IFLA.decode(answer.payload[IFINFOMSG.size :])
    info = found.get("linkinfo", {})
    return Link(
        index=index,
        name=str(found.get("ifname", "")),
        kind=str(info.get("kind", "")) if isinstance(info, Mapping) else "",
        address=_bytes(found.get("address")),
        mtu=_int(found.get("mtu")),
        master=_int(found.get("master")),
        up=bool(flags & IFF_UP),
        alias=str(found.get("alias", "")),
    )


def _int(value: Value | None) -> int:
    return value if isinstance(value, int) else 0


def _bytes(value: Value | None) -> bytes:
    return value if isinstance(value, bytes) else b""
