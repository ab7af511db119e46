"""JSON to frozen dataclasses and back, by tables.

The runtime spec is decoded between clone and exec, where every tenth of a millisecond counts, and under ``python -SI``,
where msgspec is not at hand. Reflection over type hints happens once for each class, when an object of it is decoded or
encoded for the first time; afterwards only the tables are walked. A JSON name is the attribute's name in camelCase
unless the field says otherwise by ``named``. What equals its default is left out of the JSON; unknown JSON names are
ignored.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
Convert = Callable[[Any], Any]

_NAME: Final = "json"


_encode: Final = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode
"""``json.dumps`` makes a new encoder each time that it is asked for anything but the defaults."""


def compact(value: object) -> bytes:
    """JSON without spaces."""
    return _encode(value).encode()


def named(name: str, default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field whose JSON name is not the camelCase of its attribute."""
    return dataclasses.field(default=default, metadata={_NAME: name})


def _camel(attribute: str) -> str:
    head, *tail = attribute.split("_")
    return head + "".join(part.capitalize() for part in tail)


class Codec(Generic[T]):
    """Decoder and encoder of one dataclass and of those below it. Its tables are made when they are needed first."""

    __slots__ = ("_cls", "_decoders", "_encoders", "_required")

    def __init__(self, cls: type[T]) -> None:
        _known[cls] = self
        self._cls = cls
        self._decoders: dict[str, tuple[str, Convert | None]] = {}
        self._encoders: list[tuple[str, str, Any, Convert | None]] = []
        self._required: list[str] | None = None

    @classmethod
    def of(cls, target: type[T]) -> Codec[T]:
        return _known.get(target) or cls(target)

    def _make(self) -> list[str]:
        decoders: dict[str, tuple[str, Convert | None]] = {}
        encoders: list[tuple[str, str, Any, Convert | None]] = []
        hints = typing.get_type_hints(self._cls)
        for field in dataclasses.fields(self._cls):  # type: ignore[arg-type]
            name = field.metadata.get(_NAME) or _camel(field.name)
            decode, encode = _converters(hints[field.name])
            decoders[name] = (field.name, decode)
            encoders.append((field.name, name, _default(field), encode))
        self._decoders, self._encoders = decoders, encoders
        self._required = [name for _, name, default, _ in encoders if default is dataclasses.MISSING]
        return self._required

    def decode(self, data: dict[str, Any]) -> T:
        """Raises ValueError naming the type and the JSON name when a required one is missing or has no such shape."""
        required = self._make() if self._required is None else self._required
        decoders = self._decoders
        values: dict[str, Any] = {}
        for name, value in data.items():
            entry = decoders.get(name)
            if entry is None or value is None:
                continue
            attribute, decode = entry
            try:
                values[attribute] = value if decode is None else decode(value)
            except (TypeError, AttributeError) as error:
                raise ValueError(f"{self._cls.__name__}.{name}: wrong type {type(value).__name__}") from error
        for name in required:
            if decoders[name][0] not in values:
                raise ValueError(f"{self._cls.__name__}.{name}: missing")
        return self._cls(**values)

    def encode(self, value: T) -> dict[str, Any]:
        if self._required is None:
            self._make()
        result: dict[str, Any] = {}
        for attribute, name, default, encode in self._encoders:
            item = getattr(value, attribute)
            if item is not None and item != default:
                result[name] = item if encode is None else encode(item)
        return result


_known: Final[dict[type, Codec[Any]]] = {}
"""One for each class: a part of several others is looked at once."""


def _values(convert: Convert) -> Convert:
    return lambda items: {key: convert(item) for key, item in items.items()}


def _default(field: dataclasses.Field[Any]) -> Any:
    """MISSING when there is none."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _converters(hint: Any) -> tuple[Convert | None, Convert | None]:
    """Decoder and encoder for a type hint; None for what JSON carries as it is."""
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin is types.UnionType or origin is typing.Union:
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        return _converters(inner)
    if origin is tuple:
        decode, encode = _converters(arguments[0])
        return (
            tuple if decode is None else lambda items: tuple([decode(item) for item in items]),
            list if encode is None else lambda items: [encode(item) for item in items],
        )
    if origin is dict:
        reading, writing = _converters(arguments[1])
        return dict if reading is None else _values(reading), dict if writing is None else _values(writing)
    if dataclasses.is_dataclass(hint):
        codec = Codec.of(hint)  # type: ignore[arg-type]
        return codec.decode, codec.encode
    if hint in (str, int, bool, float):
        return None, None
    raise TypeError(f"no JSON form for {hint!r}")
