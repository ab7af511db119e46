"""The base of all wire types, and JSON to and from them as Go's encoder and decoder would have it.

Go accepts ``null`` for any field (the zero value stays) and a bare string where a command line is expected; real
clients depend on both (docker-py sends ``"Hostname": null``). Such bodies are rare, so they take a second, slower way:
only after the strict decoder has refused them.

Importing msgspec imports typing_extensions when it is there, which costs 15 ms, for one function that ``typing`` has
had since Python 3.11: hence the guard below.
"""

from __future__ import annotations

import sys
import typing
from typing import Annotated, Any, Final, TypeVar

if "typing_extensions" not in sys.modules:
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    try:
        import msgspec
    finally:
        del sys.modules["typing_extensions"]
else:
    import msgspec

from msgspec import UNSET, Meta, UnsetType, ValidationError, field, structs

__all__ = [
    "UNSET",
    "CommandLine",
    "GoSet",
    "UnsetType",
    "ValidationError",
    "Wire",
    "decode",
    "encode",
    "field",
    "replace",
]

T = TypeVar("T")
W = TypeVar("W", bound="Wire")

COMMAND_LINE: Final = "command line"
CommandLine = Annotated[list[str] | None, Meta(extra={"go": COMMAND_LINE})]
"""Go's strslice: a list of strings; one string stands for a list of one."""

GoSet = dict[str, dict[str, str]]
"""Go's ``map[string]struct{}``: only the keys mean anything, every value is ``{}``."""


class Wire(msgspec.Struct, rename="pascal"):
    """A JSON object of the API. Unknown names are ignored when decoding."""


class LowerWire(msgspec.Struct, rename="camel"):
    """The few objects of the API whose names begin with a small letter."""


def encode(value: object) -> bytes:
    """JSON of a wire type, or of lists and dicts of them."""
    return msgspec.json.encode(value)


def replace(value: W, **changes: Any) -> W:
    """A copy with some attributes changed."""
    return structs.replace(value, **changes)


def decode(data: bytes | bytearray | memoryview, wanted: type[T]) -> T:
    """Decodes JSON. Raises ValidationError (wrong type, the message ends in the path) or DecodeError (no JSON)."""
    try:
        return msgspec.json.decode(data, type=wanted)
    except ValidationError:
        return msgspec.convert(_relax(msgspec.json.decode(data), wanted), wanted)


def _relax(value: Any, wanted: Any) -> Any:
    """Drops the nulls, and wraps the strings, that Go would accept for ``wanted``."""
    if value is None:
        return None
    for option in _options(wanted):
        origin = typing.get_origin(option)
        if isinstance(value, dict):
            if isinstance(option, type) and issubclass(option, Wire | LowerWire):
                return _relax_struct(value, option)
            if origin is dict:
                of = typing.get_args(option)[1]
                return {key: _relax(_zero(of) if item is None else item, of) for key, item in value.items()}
        elif isinstance(value, list) and origin is list:
            of = typing.get_args(option)[0]
            return [_relax(_zero(of) if item is None else item, of) for item in value]
    return value


def _relax_struct(value: dict[str, Any], wanted: type[Wire | LowerWire]) -> dict[str, Any]:
    relaxed = dict(value)
    hints = typing.get_type_hints(wanted, include_extras=True)
    for info in structs.fields(wanted):
        name = info.encode_name
        if name not in value:
            continue
        if value[name] is None:
            del relaxed[name]
        elif isinstance(value[name], str) and _is_command_line(hints[info.name]):
            relaxed[name] = [value[name]]
        else:
            relaxed[name] = _relax(value[name], hints[info.name])
    return relaxed


def _options(wanted: Any) -> tuple[Any, ...]:
    """The members of a union, without their annotations."""
    if typing.get_origin(wanted) is Annotated:
        return _options(typing.get_args(wanted)[0])
    if typing.get_origin(wanted) in (dict, list, tuple) or isinstance(wanted, type):
        return (wanted,)
    return typing.get_args(wanted) or (wanted,)


def _is_command_line(hint: Any) -> bool:
    return any(
        isinstance(part, Meta) and (part.extra or {}).get("go") == COMMAND_LINE for part in typing.get_args(hint)
    )


def _zero(wanted: Any) -> Any:
    """Go's zero value where a list or a map holds a null."""
    if type(None) in _options(wanted):
        return None
    option = typing.get_origin(wanted) or wanted
    if isinstance(option, type) and issubclass(option, Wire | LowerWire):
        return {}
    return option() if option in (str, int, bool, float, list, dict) else None
