"""Values as a template sees them, and how Go prints, compares and encodes them.

JSON gives strings, integers, floats, booleans, lists, dicts (maps) and None. Go's types know more, and templates
written for docker rely on it: a field that is absent is its type's zero value, a struct prints its values, a nil list
prints ``[]``. ``Record``, ``Map``, ``Slice`` and ``NIL_POINTER`` carry that; ``cli.schema`` makes them from JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from corral.cli.template.errors import TemplateError


class MissingField(TemplateError):
    """There is no such field in a value of that type."""


class Fields:
    """Anything with named fields. ``type_name`` is what errors call it."""

    __slots__ = ()

    type_name = "struct"

    def field(self, name: str) -> object:
        """The value, or a ``Method``. Raises MissingField."""
        raise MissingField(f"can't evaluate field {name} in type {self.type_name}")

    def plain(self) -> object:
        """What JSON encodes."""
        return {}

    def printed(self) -> str:
        """What printing shows."""
        return "{}"


class Method:
    """A field that takes arguments."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[..., object]) -> None:
        self.call = call


class Record(Fields):
    """A Go struct: fields in order, and the JSON that it came from."""

    __slots__ = ("source", "type_name", "values")

    def __init__(self, type_name: str, values: dict[str, object], source: object) -> None:
        self.type_name = type_name
        self.values = values
        self.source = source

    def field(self, name: str) -> object:
        if name not in self.values:
            return super().field(name)
        return self.values[name]

    def plain(self) -> object:
        return self.source

    def printed(self) -> str:
        return "{" + " ".join(show(value) for value in self.values.values()) + "}"


class Map(dict[str, object]):
    """A Go map whose missing keys are ``zero``; ``nil`` when it was never made."""

    __slots__ = ("nil", "zero")

    def __init__(self, values: Mapping[str, object], zero: object, *, nil: bool = False) -> None:
        super().__init__(values)
        self.zero = zero
        self.nil = nil


class Slice(list[object]):
    """A Go slice; ``nil`` when it was never made."""

    __slots__ = ("nil",)

    def __init__(self, values: Iterable[object], *, nil: bool = False) -> None:
        super().__init__(values)
        self.nil = nil


class NilPointer:
    """A typed nil: prints ``<nil>``, is false, encodes as null."""

    __slots__ = ()


NIL_POINTER = NilPointer()


class Untyped:
    """No value at all (an untyped nil, a missing key): prints ``<no value>``."""

    __slots__ = ()


NO_VALUE = Untyped()


def truth(value: object) -> bool:
    """Go's idea of empty: false, 0, nil, and everything of length zero. A struct is never empty."""
    if isinstance(value, Fields):
        return True
    if value is None or isinstance(value, (NilPointer, Untyped)):
        return False
    return bool(value)


def show(value: object) -> str:
    """fmt's %v."""
    if isinstance(value, str):
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return show_float(value)
    if value is None or isinstance(value, NilPointer):
        return "<nil>"
    if isinstance(value, Untyped):
        return "<no value>"
    if isinstance(value, Fields):
        return value.printed()
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{show(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(show(item) for item in value) + "]"
    return str(value)


def show_float(value: float) -> str:
    """Go's %v of a float64: the shortest digits, an exponent below 1e-4 and from 1e21 on."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    return repr(value)


def printed(value: object) -> str:
    """What an action writes."""
    return "<no value>" if value is None else show(value)


def type_name(value: object) -> str:
    """The type as Go's errors name it."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, Fields):
        return value.type_name
    if isinstance(value, dict):
        return "map[string]interface {}"
    if isinstance(value, list):
        return "[]interface {}"
    return "<nil>"


def plain(value: object) -> object:
    """The JSON value behind a template's value; maps sorted by key, as Go encodes them."""
    if isinstance(value, Fields):
        return value.plain()
    if value is None or isinstance(value, (NilPointer, Untyped)):
        return None
    if isinstance(value, dict):
        if isinstance(value, Map) and value.nil:
            return None
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        if isinstance(value, Slice) and value.nil:
            return None
        return [plain(item) for item in value]
    return value


def encode(value: object, *, html: bool = False) -> str:
    """JSON on one line; ``html`` escapes <, > and & as Go does for values that encode themselves."""
    text = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    if html:
        text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return text
