"""What rules are made of: each function gives one expression; a rule is a sequence of them.

Values travel between expressions in registers: sixteen of four bytes each, from ``REG``; fields of a concatenation lie
next to each other, each padded to four bytes. Values in packets and in sets are in network byte order, except those
that the kernel itself makes up (``ct`` bits), which are the host's.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from corral.linux.netlink.attributes import BE32, BINARY, STRING, Attributes, Codec, Listing, Value

__all__ = [
    "ACCEPT",
    "DROP",
    "EXPRESSIONS",
    "NFPROTO_IPV4",
    "REG",
    "Expression",
    "Verdict",
    "bitwise",
    "cmp",
    "ct",
    "data",
    "dnat",
    "fib_type",
    "goto",
    "host_order",
    "immediate",
    "jump",
    "lookup",
    "masquerade",
    "meta",
    "network_header",
    "transport_header",
    "verdict_map",
]

Expression = Mapping[str, Value]

NFPROTO_IPV4: Final = 2

REG: Final = 8
"""NFT_REG32_00."""
_REG_VERDICT: Final = 0

_META_KEYS: Final = {"iifname": 6, "oifname": 7, "l4proto": 16}
_CT_KEYS: Final = {"state": 0, "status": 2}

_VERDICT: Final = Attributes(code=(1, BE32), chain=(2, STRING))
"""NFTA_VERDICT_*"""
DATA: Final = Attributes(value=(1, BINARY), verdict=(2, _VERDICT))
"""NFTA_DATA_*"""

_TABLES: Final[dict[str, Attributes]] = {
    "bitwise": Attributes(sreg=(1, BE32), dreg=(2, BE32), len=(3, BE32), mask=(4, DATA), xor=(5, DATA)),
    "cmp": Attributes(sreg=(1, BE32), op=(2, BE32), data=(3, DATA)),
    "ct": Attributes(dreg=(1, BE32), key=(2, BE32)),
    "fib": Attributes(dreg=(1, BE32), result=(2, BE32), flags=(3, BE32)),
    "immediate": Attributes(dreg=(1, BE32), data=(2, DATA)),
    "lookup": Attributes(set=(1, STRING), sreg=(2, BE32), dreg=(3, BE32), flags=(5, BE32)),
    "masq": Attributes(),
    "meta": Attributes(dreg=(1, BE32), key=(2, BE32)),
    "nat": Attributes(type=(1, BE32), family=(2, BE32), addr_min=(3, BE32), proto_min=(5, BE32)),
    "payload": Attributes(dreg=(1, BE32), base=(2, BE32), offset=(3, BE32), len=(4, BE32)),
}
"""By the kernel's name of the expression: NFTA_BITWISE_*, NFTA_CMP_*, and so on."""

_ELEMENT: Final = Attributes(name=(1, STRING), data=(2, BINARY))
"""NFTA_EXPR_*"""
EXPRESSIONS: Final[Codec] = Listing(1, _ELEMENT)

Verdict = Mapping[str, Value]
DROP: Final[Verdict] = {"code": 0}
ACCEPT: Final[Verdict] = {"code": 1}


def _expression(name: str, values: Mapping[str, Value]) -> Expression:
    return {"name": name, "data": _TABLES[name].encode(values)}


def jump(chain: str) -> Verdict:
    """Goes on in ``chain`` and comes back at its end."""
    return {"code": 0xFFFFFFFD, "chain": chain}


def goto(chain: str) -> Verdict:
    return {"code": 0xFFFFFFFC, "chain": chain}


def data(value: bytes | Verdict) -> Mapping[str, Value]:
    """NFTA_DATA_*: of immediates and of what maps map to."""
    return {"value": value} if isinstance(value, bytes) else {"verdict": value}


def meta(key: str, register: int = REG) -> Expression:
    """``key``: iifname, oifname (16 bytes) or l4proto (1 byte)."""
    return _expression("meta", {"dreg": register, "key": _META_KEYS[key]})


def network_header(offset: int, size: int, register: int = REG) -> Expression:
    return _expression("payload", {"dreg": register, "base": 1, "offset": offset, "len": size})


def transport_header(offset: int, size: int, register: int = REG) -> Expression:
    """Fails to match for later fragments, which have none."""
    return _expression("payload", {"dreg": register, "base": 2, "offset": offset, "len": size})


def ct(key: str, register: int = REG) -> Expression:
    """``key``: state or status; bits of 4 bytes in the host's order."""
    return _expression("ct", {"dreg": register, "key": _CT_KEYS[key]})


def fib_type(*, source: bool = False, register: int = REG) -> Expression:
    """RTN_* of the packet's destination (or source) in the routing table: 4 bytes in the host's order."""
    return _expression("fib", {"dreg": register, "result": 3, "flags": 1 if source else 2})


def bitwise(mask: bytes, register: int = REG) -> Expression:
    """The register's first bytes and ``mask``."""
    size = len(mask)
    xor = data(bytes(size))
    return _expression("bitwise", {"sreg": register, "dreg": register, "len": size, "mask": data(mask), "xor": xor})


def cmp(value: bytes, *, equal: bool = True, register: int = REG) -> Expression:
    """Goes on with the rule only if the register's first bytes are (not) ``value``."""
    return _expression("cmp", {"sreg": register, "op": 0 if equal else 1, "data": data(value)})


def lookup(name: str, register: int = REG, *, into: int | None = None) -> Expression:
    """Goes on with the rule only if the set has the key; ``into``: where the map's value goes."""
    values: dict[str, Value] = {"set": name, "sreg": register}
    if into is not None:
        values["dreg"] = into
    return _expression("lookup", values)


def verdict_map(name: str, register: int = REG) -> Expression:
    """Takes the verdict that the map has for the key; goes on if it has none."""
    return lookup(name, register, into=_REG_VERDICT)


def immediate(verdict: Verdict) -> Expression:
    """The verdict of the rule."""
    return _expression("immediate", {"dreg": _REG_VERDICT, "data": data(verdict)})


def dnat(address: int, port: int) -> Expression:
    """Translates the destination to what these registers hold."""
    return _expression("nat", {"type": 1, "family": NFPROTO_IPV4, "addr_min": address, "proto_min": port})


def masquerade() -> Expression:
    """Translates the source to the address of the interface through which the packet leaves."""
    return _expression("masq", {})


def host_order(bits: int) -> bytes:
    return struct.pack("=I", bits)
