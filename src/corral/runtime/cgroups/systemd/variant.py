"""Values as text, to what ``message`` marshals: as much of GVariant's text format as properties of units are given in.

::

    'text'  "text"  true  42 (int32)  uint64 42  byte 0x1f  objectpath '/a'  ['a', 'b']  [uint64 1, 2]  @as []
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["Value", "parse"]

Value = tuple[str, object]
"""Type signature and value."""

_TYPES: Final = {
    "boolean": "b",
    "byte": "y",
    "int16": "n",
    "uint16": "q",
    "int32": "i",
    "uint32": "u",
    "int64": "x",
    "uint64": "t",
    "string": "s",
    "objectpath": "o",
    "signature": "g",
}
_BITS: Final = {"y": 8, "n": 16, "q": 16, "i": 32, "u": 32, "x": 64, "t": 64}
_SIGNED: Final = "nix"
_SCALAR: Final = re.compile(
    r"""(?:(?P<type>[a-z0-9]+)\s+)?
        (?:(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*") | (?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|[0-9]+)) |
           (?P<bool>true|false))(?!\w)\s*""",
    re.VERBOSE | re.DOTALL,
)
_EMPTY: Final = re.compile(r"@a([a-z])\s*\[\s*\]")


def parse(text: str) -> Value:
    """Raises ValueError."""
    text = text.strip()
    if empty := _EMPTY.fullmatch(text):
        return f"a{empty[1]}", []
    if not text.startswith("["):
        only, end = _scalar(text, 0, "")
        if end != len(text):
            raise ValueError(f"unexpected {text[end:]!r}")
        return only
    values: list[object] = []
    type, at = "", _blanks(text, 1)
    while not values or text[at : at + 1] == ",":
        (type, value), at = _scalar(text, _blanks(text, at + 1) if values else at, type)
        values.append(value)
    if text[at:] != "]":
        raise ValueError(f"unexpected {text[at:]!r}")
    return f"a{type}", values


def _blanks(text: str, at: int) -> int:
    return len(text) - len(text[at:].lstrip())


def _scalar(text: str, at: int, wanted: str) -> tuple[Value, int]:
    """The value at ``at`` and where the next thing is; ``wanted``: the type that it must have, if any."""
    match = _SCALAR.match(text, at)
    if match is None:
        raise ValueError(f"unexpected {text[at:]!r}")
    type = _TYPES.get(match["type"], "?") if match["type"] else wanted
    value: object
    if match["string"] is not None:
        type, value = type or "s", re.sub(r"\\(.)", r"\1", match["string"][1:-1])
        fits = type in ("s", "o", "g")
    elif match["bool"] is not None:
        type, value = type or "b", match["bool"] == "true"
        fits = type == "b"
    else:
        type, value = type or "i", int(match["number"], 16 if "x" in match["number"].lower() else 10)
        bits, signed = _BITS.get(type, 0), type in _SIGNED
        fits = bits > 0 and -(signed << (bits - 1)) <= value < 1 << (bits - signed)
    if not fits or wanted not in ("", type):
        raise ValueError(f"{match[0].strip()} is not what is wanted there")
    return (type, value), match.end()
