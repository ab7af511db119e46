"""Netlink attributes as declared tables: names to numbers and codecs, both ways.

::

    struct nlattr {          /* <linux/netlink.h>; attributes start at multiples of four bytes */
        __u16 nla_len;       /* header included, padding not */
        __u16 nla_type;      /* the two highest bits: NLA_F_NESTED, NLA_F_NET_BYTEORDER */
    };

A table is written once::

    IFA = Attributes(address=(1, BINARY), local=(2, BINARY), label=(3, STRING))
    IFA.encode({"local": b"\\x7f\\0\\0\\1"})

Values: integers, text, bytes, a mapping for a nested table, a sequence of mappings for a list of nested tables.
Attributes are encoded in the order of the mapping. When decoding, numbers that the table does not know are skipped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

__all__ = [
    "BE16",
    "BE32",
    "BE64",
    "BINARY",
    "S32",
    "STRING",
    "U8",
    "U16",
    "U32",
    "U64",
    "Attributes",
    "Codec",
    "Listing",
    "Value",
    "attribute",
    "split",
]

Value: TypeAlias = "int | str | bytes | Mapping[str, Value] | Sequence[Mapping[str, Value]]"

NLA_F_NESTED: Final = 0x8000
_NLA_TYPE_MASK: Final = 0x3FFF
_NLATTR: Final = struct.Struct("=HH")
_PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")


def attribute(number: int, payload: bytes) -> bytes:
    """One attribute, padded."""
    size = len(payload) + 4
    return _NLATTR.pack(size, number) + payload + _PADDING[size & 3]


def split(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes in ``data`` as (number without flags, payload); stops where they stop making sense."""
    offset = 0
    while offset + 4 <= len(data):
        size, number = _NLATTR.unpack_from(data, offset)
        if size < 4:
            return
        yield number & _NLA_TYPE_MASK, data[offset + 4 : offset + size]
        offset += size + 3 & ~3


class Codec(Protocol):
    nested: bool

    def encode(self, value: Value) -> bytes: ...

    def decode(self, data: bytes) -> Value: ...


class _Integer:
    nested = False

    def __init__(self, layout: str) -> None:
        self._struct = struct.Struct(layout)

    def encode(self, value: Value) -> bytes:
        return self._struct.pack(value)

    def decode(self, data: bytes) -> Value:
        result: int = self._struct.unpack_from(data)[0]
        return result


class _String:
    nested = False

    def encode(self, value: Value) -> bytes:
        assert isinstance(value, str)
        return value.encode() + b"\0"

    def decode(self, data: bytes) -> Value:
        return data.split(b"\0", 1)[0].decode(errors="replace")


class _Binary:
    nested = False

    def encode(self, value: Value) -> bytes:
        assert isinstance(value, bytes)
        return value

    def decode(self, data: bytes) -> Value:
        return data


class Attributes:
    """A table of attributes; itself the codec of a nested attribute that holds them."""

    nested = True

    def __init__(self, **fields: tuple[int, Codec]) -> None:
        self._by_name = {
            name: (number | NLA_F_NESTED if codec.nested else number, codec) for name, (number, codec) in fields.items()
        }
        self._by_number = {number: (name, codec) for name, (number, codec) in fields.items()}

    def encode(self, value: Value) -> bytes:
        """Raises KeyError for a name that is not in the table."""
        assert isinstance(value, Mapping)
        parts = []
        for name, item in value.items():
            number, codec = self._by_name[name]
            parts.append(attribute(number, codec.encode(item)))
        return b"".join(parts)

    def decode(self, data: bytes) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for number, payload in split(data):
            known = self._by_number.get(number)
            if known is not None:
                found[known[0]] = known[1].decode(payload)
        return found


class Listing:
    """A nested attribute that holds any number of ``item`` tables, each under the same ``number``."""

    nested = True

    def __init__(self, number: int, item: Attributes) -> None:
        self._number = number | NLA_F_NESTED
        self._item = item

    def encode(self, value: Value) -> bytes:
        assert isinstance(value, Sequence)
        return b"".join(attribute(self._number, self._item.encode(item)) for item in value if isinstance(item, Mapping))

    def decode(self, data: bytes) -> Value:
        return [self._item.decode(payload) for _, payload in split(data)]


U8: Final = _Integer("=B")
U16: Final = _Integer("=H")
U32: Final = _Integer("=I")
U64: Final = _Integer("=Q")
S32: Final = _Integer("=i")
BE16: Final = _Integer(">H")
BE32: Final = _Integer(">I")
BE64: Final = _Integer(">Q")
STRING: Final = _String()
BINARY: Final = _Binary()
