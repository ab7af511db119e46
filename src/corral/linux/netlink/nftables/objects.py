"""Requests for tables, chains, sets, maps, their elements, and rules. They are sent in batches only."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from corral.linux.netlink import message
from corral.linux.netlink.attributes import BE32, BE64, BINARY, STRING, Attributes, Listing, Value
from corral.linux.netlink.message import Request
from corral.linux.netlink.nftables.expressions import DATA, EXPRESSIONS, NFPROTO_IPV4, Expression, Verdict, data

__all__ = [
    "IFNAME",
    "INET_PROTO",
    "INET_SERVICE",
    "IPV4_ADDR",
    "VERDICT",
    "Element",
    "Hook",
    "Type",
    "add_chain",
    "add_elements",
    "add_rule",
    "add_set",
    "add_table",
    "delete_chain",
    "delete_elements",
    "delete_table",
    "flush_chain",
]

NFNL_SUBSYS_NFTABLES: Final = 10
NFGENMSG: Final = struct.Struct(">BBH")

(
    NFT_MSG_NEWTABLE,
    NFT_MSG_GETTABLE,
    NFT_MSG_DELTABLE,
    NFT_MSG_NEWCHAIN,
    NFT_MSG_GETCHAIN,
    NFT_MSG_DELCHAIN,
    NFT_MSG_NEWRULE,
    NFT_MSG_GETRULE,
    NFT_MSG_DELRULE,
    NFT_MSG_NEWSET,
    NFT_MSG_GETSET,
    NFT_MSG_DELSET,
    NFT_MSG_NEWSETELEM,
    NFT_MSG_GETSETELEM,
    NFT_MSG_DELSETELEM,
) = range(15)

NFT_SET_MAP: Final = 0x8

TABLE: Final = Attributes(name=(1, STRING), flags=(2, BE32))
"""NFTA_TABLE_*"""
_HOOK: Final = Attributes(number=(1, BE32), priority=(2, BE32))
"""NFTA_HOOK_*"""
CHAIN: Final = Attributes(table=(1, STRING), name=(3, STRING), hook=(4, _HOOK), policy=(5, BE32), type=(7, STRING))
"""NFTA_CHAIN_*"""
RULE: Final = Attributes(table=(1, STRING), chain=(2, STRING), handle=(3, BE64), expressions=(4, EXPRESSIONS))
"""NFTA_RULE_*"""
SET: Final = Attributes(
    table=(1, STRING),
    name=(2, STRING),
    flags=(3, BE32),
    key_type=(4, BE32),
    key_len=(5, BE32),
    data_type=(6, BE32),
    data_len=(7, BE32),
    id=(10, BE32),
    userdata=(13, BINARY),
)
"""NFTA_SET_*"""
ELEMENT: Final = Attributes(key=(1, DATA), data=(2, DATA))
"""NFTA_SET_ELEM_*"""
ELEMENTS: Final = Attributes(table=(1, STRING), set=(2, STRING), elements=(3, Listing(1, ELEMENT)))
"""NFTA_SET_ELEM_LIST_*"""

_HOOKS: Final = {"prerouting": 0, "input": 1, "forward": 2, "output": 3, "postrouting": 4}
_ACCEPT: Final = 1

_BIG_ENDIAN: Final = 2
_HOST_ENDIAN: Final = 1


@dataclass(frozen=True, slots=True)
class Type:
    """Of keys and values. ``number`` and ``big_endian`` matter only to the nft program, which shows values by them.

    A concatenation is made with ``+``, from left to right: each part is padded to four bytes.
    """

    number: int
    size: int
    big_endian: bool = True

    def __add__(self, other: Type) -> Type:
        return Type(self.number << 6 | other.number, (self.size + 3 & ~3) + (other.size + 3 & ~3))


IPV4_ADDR: Final = Type(7, 4)
INET_PROTO: Final = Type(12, 1)
INET_SERVICE: Final = Type(13, 2)
IFNAME: Final = Type(41, 16, big_endian=False)
VERDICT: Final = Type(0xFFFFFF00, 0)


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a base chain is called: ``type`` is filter or nat, ``hook`` such as "prerouting"; lower priority first."""

    type: str
    hook: str
    priority: int


@dataclass(frozen=True, slots=True)
class Element:
    """Of a set (``value`` None) or of a map."""

    key: bytes
    value: bytes | Verdict | None = None


def header(family: int = NFPROTO_IPV4, resource: int = 0) -> bytes:
    return NFGENMSG.pack(family, 0, resource)


def kind(number: int) -> int:
    """The message type of an NFT_MSG_*."""
    return NFNL_SUBSYS_NFTABLES << 8 | number


def _request(number: int, flags: int, table: Attributes, values: Mapping[str, Value], what: str) -> Request:
    return Request(kind(number), flags, header() + table.encode(values), what)


def add_table(name: str) -> Request:
    """Of family ip. One that exists is left as it is."""
    return _request(NFT_MSG_NEWTABLE, message.NLM_F_CREATE, TABLE, {"name": name, "flags": 0}, f"add table {name}")


def delete_table(name: str) -> Request:
    """With all that is in it."""
    return _request(NFT_MSG_DELTABLE, 0, TABLE, {"name": name}, f"delete table {name}")


def add_chain(table: str, name: str, hook: Hook | None = None) -> Request:
    """A base chain accepts what its rules do not decide. One that exists is left as it is."""
    values: dict[str, Value] = {"table": table, "name": name}
    if hook is not None:
        values["hook"] = {"number": _HOOKS[hook.hook], "priority": hook.priority & 0xFFFFFFFF}
        values["policy"] = _ACCEPT
        values["type"] = hook.type
    return _request(NFT_MSG_NEWCHAIN, message.NLM_F_CREATE, CHAIN, values, f"add chain {name} to table {table}")


def delete_chain(table: str, name: str) -> Request:
    """An empty one that nobody jumps to."""
    return _request(NFT_MSG_DELCHAIN, 0, CHAIN, {"table": table, "name": name}, f"delete chain {name} of {table}")


def flush_chain(table: str, name: str) -> Request:
    """Deletes its rules."""
    return _request(NFT_MSG_DELRULE, 0, RULE, {"table": table, "chain": name}, f"flush chain {name} of table {table}")


def add_rule(table: str, chain: str, *expressions: Expression) -> Request:
    """At the end of the chain."""
    values: dict[str, Value] = {"table": table, "chain": chain, "expressions": expressions}
    flags = message.NLM_F_CREATE | message.NLM_F_APPEND
    return _request(NFT_MSG_NEWRULE, flags, RULE, values, f"add rule to chain {chain} of table {table}")


def add_set(table: str, name: str, key: Type, value: Type | None = None, *, number: int) -> Request:
    """A hash set, or with ``value`` a map. ``number`` must differ between the sets of one batch."""
    values: dict[str, Value] = {
        "table": table,
        "name": name,
        "flags": NFT_SET_MAP if value is not None else 0,
        "key_type": key.number,
        "key_len": key.size,
        "id": number,
        "userdata": _byte_orders(key, value),
    }
    if value is not None:
        values["data_type"] = value.number
        values["data_len"] = value.size
    return _request(NFT_MSG_NEWSET, message.NLM_F_CREATE, SET, values, f"add set {name} to table {table}")


def _byte_orders(key: Type, value: Type | None) -> bytes:
    """What libnftnl calls NFTNL_UDATA_SET_KEYBYTEORDER (0) and DATABYTEORDER (1): type, length, value."""
    orders = [(0, key)] + ([(1, value)] if value is not None and value is not VERDICT else [])
    return b"".join(struct.pack("=BBI", n, 4, _BIG_ENDIAN if t.big_endian else _HOST_ENDIAN) for n, t in orders)


def add_elements(table: str, name: str, elements: Iterable[Element], *, exclusive: bool = False) -> Request:
    """``exclusive``: refuse (EEXIST) keys that are there; a key that is there with another value is always refused."""
    flags = message.NLM_F_CREATE | (message.NLM_F_EXCL if exclusive else 0)
    return _elements(NFT_MSG_NEWSETELEM, flags, table, name, list(elements), f"add elements to set {name} of {table}")


def delete_elements(table: str, name: str, keys: Iterable[bytes]) -> Request:
    """Refused (ENOENT) when one is not there."""
    elements = [Element(key) for key in keys]
    return _elements(NFT_MSG_DELSETELEM, 0, table, name, elements, f"delete elements of set {name} of table {table}")


def _elements(number: int, flags: int, table: str, name: str, elements: Sequence[Element], what: str) -> Request:
    encoded: list[Mapping[str, Value]] = []
    for element in elements:
        one: dict[str, Value] = {"key": data(element.key)}
        if element.value is not None:
            one["data"] = data(element.value)
        encoded.append(one)
    return _request(number, flags, ELEMENTS, {"table": table, "set": name, "elements": encoded}, what)
