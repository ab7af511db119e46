"""The engine's table, computed: what is in it for a list of networks. Pure; ``nftables`` sends it.

::

    table ip corral {
      set bridges, isolated { type ifname }                         every bridge of ours; those without icc
      map publish           { type inet_proto . inet_service : ipv4_addr . inet_service }
      map publish_address   { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service }
      map from_bridge, to_bridge, masquerade, hairpin    { type ifname : verdict }    to the chains of each network

      chain protect         { type filter hook prerouting priority -300
        iifname @bridges ip daddr 127.0.0.0/8 drop                  route_localnet must not let strangers in
        iifname @bridges ip saddr 127.0.0.0/8 drop                  (CVE-2020-8558)
      }
      chain prerouting      { type nat hook prerouting priority -100
        iifname @isolated accept                                    left to the proxy, see below
        ip daddr != 127.0.0.0/8 fib daddr type local jump published
      }
      chain output          { type nat hook output priority -100
        fib daddr type local jump published                         127.0.0.1 as well
      }
      chain published       {
        dnat to ip daddr . meta l4proto . th dport map @publish_address
        dnat to meta l4proto . th dport map @publish
      }
      chain postrouting     { type nat hook postrouting priority 100
        iifname vmap @masquerade
        oifname vmap @hairpin
      }
      chain forward         { type filter hook forward priority 0
        iifname vmap @from_bridge
        oifname vmap @to_bridge
      }
      chain masquerade-BR   { oifname != BR masquerade }
      chain hairpin-BR      {                                       answers must find the way back:
        ip saddr 127.0.0.0/8 masquerade                             of connections to 127.0.0.1,
        ip saddr SUBNET ct status dnat masquerade                   of a container to another's published port
      }
      chain to-BR           { ct state established,related accept; ct status dnat accept; iifname BR accept; drop }
      chain from-BR         { oifname != BR drop }                  internal networks only
    }

An endpoint needs no rule; a published port is one element.

Where the br_netfilter module is loaded (Docker loads it), a packet from one container to a published port of another
is translated in the bridge and never leaves it: it has no input interface in postrouting, so ``hairpin`` asks for the
source. Between the isolated ports of a network without icc the bridge would drop it: there nothing is translated, and
the proxy behind the published port serves.

A packet that a chain of ours accepts may still be dropped
by a chain of somebody else at the same hook: a FORWARD policy of DROP that the administrator, or another engine, has
set must have an exception for the bridges.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network
from itertools import count
from typing import Final

from corral.linux.netlink.message import Request
from corral.linux.netlink.nftables import expressions as x
from corral.linux.netlink.nftables import objects as o
from corral.linux.netlink.nftables.objects import IFNAME, INET_PROTO, INET_SERVICE, IPV4_ADDR, VERDICT, Element, Hook
from corral.network.firewall.driver import BridgeRules, PublishedPort

__all__ = [
    "PUBLISH",
    "PUBLISH_ADDRESS",
    "add_bridge",
    "add_ports",
    "delete_bridge",
    "delete_ports",
    "port_key",
    "skeleton",
]

BRIDGES: Final = "bridges"
ISOLATED: Final = "isolated"
PUBLISH: Final = "publish"
PUBLISH_ADDRESS: Final = "publish_address"
_TO: Final = "to_bridge"
_FROM: Final = "from_bridge"
_MASQUERADE: Final = "masquerade"
_HAIRPIN: Final = "hairpin"

_VERDICTS: Final = (_TO, _FROM, _MASQUERADE, _HAIRPIN)

_PROTOCOLS: Final = {"tcp": 6, "udp": 17, "sctp": 132}

_SADDR: Final = 12
_DADDR: Final = 16
_DPORT: Final = 2
_LOCAL: Final = x.host_order(2)
"""RTN_LOCAL"""
_ESTABLISHED_RELATED: Final = x.host_order(0b110)
_DNAT: Final = x.host_order(1 << 5)
"""IPS_DST_NAT"""
_NOTHING: Final = x.host_order(0)


def skeleton(table: str, *, loopback: bool = True) -> list[Request]:
    """The table without any network. For a batch that has deleted a former one.

    ``loopback`` False: the kernel would not route what is translated from 127.0.0.0/8, so it is left alone.
    """
    number = count(1)
    address_and_port = IPV4_ADDR + INET_SERVICE
    sets = [
        o.add_set(table, BRIDGES, IFNAME, number=next(number)),
        o.add_set(table, ISOLATED, IFNAME, number=next(number)),
        o.add_set(table, PUBLISH, INET_PROTO + INET_SERVICE, address_and_port, number=next(number)),
        o.add_set(table, PUBLISH_ADDRESS, IPV4_ADDR + INET_PROTO + INET_SERVICE, address_and_port, number=next(number)),
        *(o.add_set(table, name, IFNAME, VERDICT, number=next(number)) for name in _VERDICTS),
    ]
    from_bridges = (x.meta("iifname"), x.lookup(BRIDGES))
    local = (x.fib_type(), x.cmp(_LOCAL))
    published = x.immediate(x.jump("published"))
    return [
        o.add_table(table),
        *sets,
        o.add_chain(table, "published"),
        _dnat(table, PUBLISH_ADDRESS, with_address=True),
        _dnat(table, PUBLISH, with_address=False),
        o.add_chain(table, "protect", Hook("filter", "prerouting", -300)),
        o.add_rule(table, "protect", *from_bridges, *_loopback(_DADDR), x.immediate(x.DROP)),
        o.add_rule(table, "protect", *from_bridges, *_loopback(_SADDR), x.immediate(x.DROP)),
        o.add_chain(table, "prerouting", Hook("nat", "prerouting", -100)),
        o.add_rule(table, "prerouting", x.meta("iifname"), x.lookup(ISOLATED), x.immediate(x.ACCEPT)),
        o.add_rule(table, "prerouting", *_loopback(_DADDR, equal=False), *local, published),
        o.add_chain(table, "output", Hook("nat", "output", -100)),
        o.add_rule(table, "output", *(() if loopback else _loopback(_DADDR, equal=False)), *local, published),
        o.add_chain(table, "postrouting", Hook("nat", "postrouting", 100)),
        o.add_rule(table, "postrouting", x.meta("iifname"), x.verdict_map(_MASQUERADE)),
        o.add_rule(table, "postrouting", x.meta("oifname"), x.verdict_map(_HAIRPIN)),
        o.add_chain(table, "forward", Hook("filter", "forward", 0)),
        o.add_rule(table, "forward", x.meta("iifname"), x.verdict_map(_FROM)),
        o.add_rule(table, "forward", x.meta("oifname"), x.verdict_map(_TO)),
    ]


def add_bridge(table: str, bridge: BridgeRules) -> list[Request]:
    """The chains of a network that has none yet."""
    name, key = bridge.interface, _ifname(bridge.interface)
    outside = (x.meta("oifname"), x.cmp(key, equal=False))
    requests = [o.add_elements(table, BRIDGES, [Element(key)])]
    if not bridge.icc:
        requests.append(o.add_elements(table, ISOLATED, [Element(key)]))

    masquerade = f"masquerade-{name}"
    requests.append(o.add_chain(table, masquerade))
    if bridge.masquerade:
        requests.append(o.add_rule(table, masquerade, *outside, x.masquerade()))
    requests.append(o.add_elements(table, _MASQUERADE, [Element(key, x.jump(masquerade))]))

    hairpin = f"hairpin-{name}"
    requests.append(o.add_chain(table, hairpin))
    requests.append(o.add_rule(table, hairpin, *_loopback(_SADDR), x.masquerade()))
    requests.append(o.add_rule(table, hairpin, *_source(bridge.subnet), *_ct("status", _DNAT), x.masquerade()))
    requests.append(o.add_elements(table, _HAIRPIN, [Element(key, x.jump(hairpin))]))

    to = f"to-{name}"
    same = (x.meta("iifname"), x.cmp(key))
    requests.append(o.add_chain(table, to))
    requests.append(o.add_rule(table, to, *_ct("state", _ESTABLISHED_RELATED), x.immediate(x.ACCEPT)))
    if not bridge.internal:
        requests.append(o.add_rule(table, to, *_ct("status", _DNAT), x.immediate(x.ACCEPT)))
    requests.append(o.add_rule(table, to, *same, x.immediate(x.ACCEPT if bridge.icc else x.DROP)))
    requests.append(o.add_rule(table, to, x.immediate(x.DROP)))
    requests.append(o.add_elements(table, _TO, [Element(key, x.jump(to))]))

    if bridge.internal:
        from_ = f"from-{name}"
        requests.append(o.add_chain(table, from_))
        requests.append(o.add_rule(table, from_, *outside, x.immediate(x.DROP)))
        requests.append(o.add_elements(table, _FROM, [Element(key, x.jump(from_))]))
    return requests


def delete_bridge(table: str, bridge: BridgeRules) -> list[Request]:
    """Undoes `add_bridge` of the same network."""
    name, key = bridge.interface, _ifname(bridge.interface)
    requests = [o.delete_elements(table, BRIDGES, [key])]
    if not bridge.icc:
        requests.append(o.delete_elements(table, ISOLATED, [key]))
    chains = [(_MASQUERADE, f"masquerade-{name}"), (_HAIRPIN, f"hairpin-{name}"), (_TO, f"to-{name}")]
    if bridge.internal:
        chains.append((_FROM, f"from-{name}"))
    for mapping, chain in chains:
        requests.append(o.delete_elements(table, mapping, [key]))
        requests.append(o.flush_chain(table, chain))
        requests.append(o.delete_chain(table, chain))
    return requests


def add_ports(table: str, ports: Iterable[PublishedPort]) -> list[Request]:
    return [
        o.add_elements(table, name, elements, exclusive=True) for name, elements in _by_map(ports).items() if elements
    ]


def delete_ports(table: str, ports: Iterable[PublishedPort]) -> list[Request]:
    return [
        o.delete_elements(table, name, [element.key for element in elements])
        for name, elements in _by_map(ports).items()
        if elements
    ]


def port_key(port: PublishedPort) -> bytes:
    """The element's key, in PUBLISH or (with an address) in PUBLISH_ADDRESS."""
    address = port.host_ip.packed if int(port.host_ip) else b""
    return address + bytes((_PROTOCOLS[port.proto], 0, 0, 0)) + port.host_port.to_bytes(2, "big") + b"\0\0"


def _by_map(ports: Iterable[PublishedPort]) -> dict[str, list[Element]]:
    found: dict[str, list[Element]] = {PUBLISH: [], PUBLISH_ADDRESS: []}
    for port in ports:
        value = port.address.packed + port.port.to_bytes(2, "big") + b"\0\0"
        found[PUBLISH_ADDRESS if int(port.host_ip) else PUBLISH].append(Element(port_key(port), value))
    return found


def _dnat(table: str, mapping: str, *, with_address: bool) -> Request:
    """Looks protocol and port of the packet's destination up, and its address if need be, and translates."""
    parts: list[x.Expression] = []
    register = x.REG
    if with_address:
        parts.append(x.network_header(_DADDR, 4, register))
        register += 1
    parts.append(x.meta("l4proto", register))
    parts.append(x.transport_header(_DPORT, 2, register + 1))
    return o.add_rule(table, "published", *parts, x.lookup(mapping, into=x.REG), x.dnat(x.REG, x.REG + 1))


def _loopback(offset: int, *, equal: bool = True) -> tuple[x.Expression, ...]:
    """The address at ``offset`` of the IP header is (not) in 127.0.0.0/8."""
    return (x.network_header(offset, 1), x.cmp(b"\x7f", equal=equal))


def _source(subnet: IPv4Network) -> tuple[x.Expression, ...]:
    mask, wanted = subnet.netmask.packed, subnet.network_address.packed
    return (x.network_header(_SADDR, 4), x.bitwise(mask), x.cmp(wanted))


def _ct(key: str, bits: bytes) -> tuple[x.Expression, ...]:
    return (x.ct(key), x.bitwise(bits), x.cmp(_NOTHING, equal=False))


def _ifname(name: str) -> bytes:
    return name.encode().ljust(16, b"\0")
