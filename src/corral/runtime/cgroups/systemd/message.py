"""D-Bus's wire format: marshalling by type signature, and whole messages (D-Bus Specification 0.41).

Values: integers, bool, str (also for object paths and signatures), tuples for structures, lists for arrays (bytes for
``ay``), dicts for arrays of dictionary entries, ``(signature, value)`` for variants. Doubles and descriptors are not
needed. What is written is little-endian; both byte orders are read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["CALL", "ERROR", "RETURN", "SIGNAL", "Message", "decode", "encode", "length", "marshal", "unmarshal"]

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
HEADER: Final = 16
"""Bytes with which the length of a message is known."""
_MOST: Final = 1 << 27

_INTEGERS: Final = {"y": "B", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q"}
_ALIGNMENT: Final = {
    **{code: struct.calcsize(format) for code, format in _INTEGERS.items()},
    "b": 4,
    "s": 4,
    "o": 4,
    "g": 1,
    "a": 4,
    "(": 8,
    "{": 8,
    "v": 1,
}
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_SERIAL, _DESTINATION, _SENDER, _SIGNATURE = range(1, 9)
_FIELDS: Final = (
    (_PATH, "o", "path"),
    (_INTERFACE, "s", "interface"),
    (_MEMBER, "s", "member"),
    (_ERROR_NAME, "s", "error_name"),
    (_REPLY_SERIAL, "u", "reply_serial"),
    (_DESTINATION, "s", "destination"),
    (_SENDER, "s", "sender"),
    (_SIGNATURE, "g", "signature"),
)


@dataclass(frozen=True, slots=True)
class Message:
    """``body``: one value for each complete type of ``signature``."""

    type: int
    serial: int = 0
    path: str = ""
    interface: str = ""
    member: str = ""
    error_name: str = ""
    reply_serial: int = 0
    destination: str = ""
    sender: str = ""
    signature: str = ""
    body: tuple[object, ...] = ()


def encode(message: Message) -> bytes:
    body = marshal(message.signature, message.body)
    fields = [(code, (signature, value)) for code, signature, name in _FIELDS if (value := getattr(message, name))]
    head = struct.pack("<cBBBII", b"l", message.type, 0, 1, len(body), message.serial)
    header = marshal("a(yv)", (fields,), head)
    return header + bytes(-len(header) % 8) + body


def length(header: bytes) -> int:
    """Of the whole message, by its first 16 bytes. Raises ValueError."""
    order = _order(header)
    (body,), (fields,) = struct.unpack_from(order + "I", header, 4), struct.unpack_from(order + "I", header, 12)
    total = HEADER + fields + -fields % 8 + body
    if total > _MOST:
        raise ValueError(f"D-Bus message of {total} bytes")
    return int(total)


def decode(data: bytes) -> Message:
    """One whole message. Raises ValueError."""
    reader = _Reader(data, _order(data))
    type = data[1]
    reader.position = 8
    serial = reader.integer("u")
    names = {code: name for code, _, name in _FIELDS}
    fields = {}
    entries = reader.value("a(yv)")
    assert isinstance(entries, list)
    for code, variant in entries:
        if code in names:
            fields[names[code]] = variant[1]
    reader.align(8)
    signature = str(fields.get("signature", ""))
    body = tuple(reader.value(part) for part in _complete_types(signature))
    return Message(type=type, serial=serial, body=body, **fields)


def marshal(signature: str, values: tuple[object, ...], after: bytes = b"") -> bytes:
    """``after``: what comes before, for alignment; part of the result. Raises ValueError, TypeError."""
    out = bytearray(after)
    types = list(_complete_types(signature))
    if len(types) != len(values):
        raise ValueError(f"{len(values)} values for the signature {signature!r}")
    for part, value in zip(types, values, strict=True):
        _write(out, part, value)
    return bytes(out)


def unmarshal(signature: str, data: bytes) -> tuple[object, ...]:
    """Little-endian. Raises ValueError."""
    reader = _Reader(data, "<")
    return tuple(reader.value(part) for part in _complete_types(signature))


def _write(out: bytearray, signature: str, value: object) -> None:
    code = signature[0]
    out += bytes(-len(out) % _ALIGNMENT[code])
    if code in _INTEGERS:
        out += struct.pack("<" + _INTEGERS[code], value)
    elif code == "b":
        out += struct.pack("<I", bool(value))
    elif code in "so":
        text = str(value).encode()
        out += struct.pack("<I", len(text)) + text + b"\0"
    elif code == "g":
        text = str(value).encode()
        out += struct.pack("<B", len(text)) + text + b"\0"
    elif code == "v":
        assert isinstance(value, tuple)
        _write(out, "g", value[0])
        _write(out, value[0], value[1])
    elif code == "a":
        _write_array(out, signature[1:], value)
    else:
        for part, member in zip(_complete_types(signature[1:-1]), value, strict=True):  # type: ignore[call-overload]
            _write(out, part, member)


def _write_array(out: bytearray, element: str, value: object) -> None:
    at = len(out)
    out += bytes(4)
    out += bytes(-len(out) % _ALIGNMENT[element[0]])
    start = len(out)
    members = value.items() if isinstance(value, dict) else value
    for member in members:  # type: ignore[attr-defined]
        _write(out, element, member)
    struct.pack_into("<I", out, at, len(out) - start)


def _complete_types(signature: str) -> Iterator[str]:
    """ "sa{sv}u" -> "s", "a{sv}", "u". Raises ValueError."""
    start = 0
    while start < len(signature):
        end = _end_of_type(signature, start)
        yield signature[start:end]
        start = end


def _end_of_type(signature: str, start: int) -> int:
    try:
        while signature[start] == "a":
            start += 1
        code = signature[start]
        if code not in _ALIGNMENT:
            raise ValueError(f"type {code!r} in the signature {signature!r}")
        if code not in "({":
            return start + 1
        start += 1
        while signature[start] not in ")}":
            start = _end_of_type(signature, start)
    except IndexError:
        raise ValueError(f"incomplete signature {signature!r}") from None
    return start + 1


def _order(data: bytes) -> str:
    try:
        return {b"l": "<", b"B": ">"}[bytes(data[:1])]
    except KeyError:
        raise ValueError("not a D-Bus message") from None


class _Reader:
    def __init__(self, data: bytes, order: str) -> None:
        self._data = data
        self._order = order
        self.position = 0

    def align(self, size: int) -> None:
        self.position += -self.position % size

    def integer(self, code: str) -> int:
        format = self._order + _INTEGERS[code]
        self.align(_ALIGNMENT[code])
        try:
            (value,) = struct.unpack_from(format, self._data, self.position)
        except struct.error as error:
            raise ValueError(f"truncated D-Bus message: {error}") from None
        self.position += struct.calcsize(format)
        return int(value)

    def value(self, signature: str) -> object:
        code = signature[0]
        if code in _INTEGERS:
            return self.integer(code)
        if code == "b":
            return bool(self.integer("u"))
        if code in "sog":
            return self._text(self.integer("y" if code == "g" else "u"))
        if code == "v":
            kind = self._text(self.integer("y"))
            return kind, self.value(kind)
        if code == "a":
            return self._array(signature[1:])
        self.align(8)
        return tuple(self.value(part) for part in _complete_types(signature[1:-1]))

    def _array(self, element: str) -> object:
        size = self.integer("u")
        self.align(_ALIGNMENT[element[0]])
        end = self.position + size
        if end > len(self._data):
            raise ValueError("truncated D-Bus message")
        if element == "y":
            self.position = end
            return bytes(self._data[end - size : end])
        members = []
        while self.position < end:
            members.append(self.value(element))
        return dict(members) if element[0] == "{" else members  # type: ignore[arg-type]

    def _text(self, size: int) -> str:
        start = self.position
        self.position += size + 1
        if self.position > len(self._data):
            raise ValueError("truncated D-Bus message")
        return self._data[start : start + size].decode()
