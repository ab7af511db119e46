"""Stands in for ``json``. What is no JSON, or asks for a form of its own, is the standard module's to say or write."""

from __future__ import annotations

import _json

from corral.runtime.command.slim import standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

__all__ = ["JSONEncoder", "dumps", "load", "loads"]

_BLANKS = " \t\n\r"


class _Form:
    """What the scanner wants to know."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}.__getitem__


_scan = _json.make_scanner(_Form)  # type: ignore[arg-type]


def loads(text: str | bytes | bytearray) -> Any:
    """Raises JSONDecodeError."""
    try:
        decoded = text if isinstance(text, str) else text.decode()
        start = len(decoded) - len(decoded.lstrip(_BLANKS))
        value, end = _scan(decoded, start)
        if not decoded[end:].strip(_BLANKS):
            return value
    except Exception:
        return _standard_loads(text)
    return _standard_loads(text)


def load(file: IO[Any]) -> Any:
    """Raises JSONDecodeError."""
    return loads(file.read())


def _standard_loads(text: str | bytes | bytearray) -> Any:
    loads: Any = standard("json")("loads")
    return loads(text)


def _refuse(value: object) -> Any:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


class JSONEncoder:
    def __init__(self, *, check_circular: bool = True, separators: tuple[str, str] = (", ", ": ")) -> None:
        markers: dict[int, Any] | None = {} if check_circular else None
        item, key = separators
        self._encode = _json.make_encoder(
            markers, _refuse, _json.encode_basestring_ascii, None, key, item, False, False, True
        )

    def encode(self, value: object) -> str:
        return "".join(self._encode(value, 0))


_plain = JSONEncoder()


def dumps(value: object, **form: Any) -> str:
    if not form:
        return _plain.encode(value)
    dumps: Any = standard("json")("dumps")
    text: str = dumps(value, **form)
    return text


__getattr__ = standard("json")
