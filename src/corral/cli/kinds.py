"""Kinds of flag values: what word the help shows, how one text becomes a value, what the value is without the flag.

Messages are those of Go's strconv and of docker's option types, since users and scripts know them.
"""

from __future__ import annotations

from collections.abc import Callable


class Kind:
    """``repeated`` flags collect a list; ``switch`` flags need no value (``--all`` is ``--all=true``)."""

    __slots__ = ("parse", "repeated", "switch", "word", "zero")

    def __init__(
        self,
        word: str,
        parse: Callable[[str], object],
        zero: object,
        *,
        repeated: bool = False,
        switch: bool = False,
    ) -> None:
        self.word = word
        self.parse = parse
        self.zero = zero
        self.repeated = repeated
        self.switch = switch


def go_quote(text: str) -> str:
    """``text`` as Go's %q prints it."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + plain.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r") + '"'


def parse_bool(text: str) -> bool:
    if text in ("1", "t", "T", "TRUE", "true", "True"):
        return True
    if text in ("0", "f", "F", "FALSE", "false", "False"):
        return False
    raise ValueError(f"strconv.ParseBool: parsing {go_quote(text)}: invalid syntax")


def parse_int(text: str, *, low: int = -(1 << 63), high: int = (1 << 63) - 1, name: str = "ParseInt") -> int:
    """An integer in any of Go's notations (0x, 0o, 0b, a leading 0 for octal, underscores between digits)."""
    try:
        sign, digits = (text[:1], text[1:]) if text[:1] in ("+", "-") else ("", text)
        if not digits[:1].isdigit() or digits != digits.strip() or (sign and name == "ParseUint"):
            raise ValueError
        octal = len(digits) > 1 and digits[0] == "0" and digits[1] in "01234567_"
        number = int(digits.lstrip("0_") or "0", 8) if octal else int(digits, 0)
    except ValueError:
        raise ValueError(f"strconv.{name}: parsing {go_quote(text)}: invalid syntax") from None
    number = -number if sign == "-" else number
    if not low <= number <= high:
        raise ValueError(f"strconv.{name}: parsing {go_quote(text)}: value out of range")
    return number


def parse_uint16(text: str) -> int:
    return parse_int(text, low=0, high=0xFFFF, name="ParseUint")


def parse_uint64(text: str) -> int:
    return parse_int(text, low=0, high=(1 << 64) - 1, name="ParseUint")


BOOL = Kind("", parse_bool, False, switch=True)
STRING = Kind("string", str, "")
INT = Kind("int", parse_int, 0)
UINT = Kind("uint", parse_uint64, 0)
UINT16 = Kind("uint16", parse_uint16, 0)
LIST = Kind("list", str, (), repeated=True)


def parse_filter(text: str) -> str:
    """``key=value``; the key is lower-cased as docker does it."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError("bad format of filter (expected name=value)") if text else ValueError("invalid filter ''")
    return f"{name.strip().lower()}={value.strip()}"


FILTER = Kind("filter", parse_filter, (), repeated=True)
