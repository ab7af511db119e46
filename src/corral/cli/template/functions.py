"""The functions that a template may call: Go's built-in ones and docker's. ``and`` and ``or`` are the interpreter's."""

from __future__ import annotations

from collections.abc import Callable

from corral.cli.kinds import go_quote
from corral.cli.template.errors import TemplateError
from corral.cli.template.printf import sprintf
from corral.cli.template.values import Fields, Map, Slice, encode, show, truth, type_name

Function = Callable[..., object]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TemplateError(f"wrong type for value; expected string; got {type_name(value)}")
    return value


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TemplateError(f"wrong type for value; expected int; got {type_name(value)}")
    return value


# -- comparison


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    if isinstance(value, str):
        return "string"
    if value is None:
        return "nil"
    return "other"


def _equal(left: object, right: object) -> bool:
    kinds = {_kind(left), _kind(right)}
    if "other" in kinds:
        if "nil" in kinds or not isinstance(left, (list, dict)):
            return not truth(left) and not truth(right)
        raise TemplateError(f"non-comparable type {show(left)}: {type_name(left)}")
    if len(kinds) > 1 and "nil" not in kinds:
        raise TemplateError("incompatible types for comparison")
    return left == right


def eq(first: object, *others: object) -> bool:
    if not others:
        raise TemplateError("missing argument for comparison")
    return any(_equal(first, other) for other in others)


def ne(left: object, right: object) -> bool:
    return not _equal(left, right)


def lt(left: object, right: object) -> bool:
    kind = _kind(left)
    if kind != _kind(right):
        raise TemplateError("incompatible types for comparison")
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    if kind in ("int", "float") and isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left < right
    raise TemplateError("invalid type for comparison")


def le(left: object, right: object) -> bool:
    return lt(left, right) or _equal(left, right)


def gt(left: object, right: object) -> bool:
    return not le(left, right)


def ge(left: object, right: object) -> bool:
    return not lt(left, right)


def not_(value: object) -> bool:
    return not truth(value)


# -- containers


def index(value: object, *keys: object) -> object:
    for key in keys:
        value = _element(value, key)
    return value


def _element(value: object, key: object) -> object:
    if isinstance(value, dict):
        if not isinstance(key, str):
            raise TemplateError(f"value has type {type_name(key)}; should be string")
        if key in value:
            return value[key]
        return value.zero if isinstance(value, Map) else None
    if isinstance(value, (list, str)):
        if isinstance(key, bool) or not isinstance(key, int):
            raise TemplateError(f"cannot index slice/array with type {type_name(key)}")
        if not 0 <= key < len(value):
            raise TemplateError(f"index out of range: {key}")
        return value[key] if isinstance(value, list) else value.encode()[key]
    if isinstance(value, Fields):
        raise TemplateError(f"can't index item of type {value.type_name}")
    raise TemplateError("index of untyped nil" if value is None else f"can't index item of type {type_name(value)}")


def slice_(value: object, *bounds: object) -> object:
    if not isinstance(value, (list, str)):
        raise TemplateError("slice of untyped nil" if value is None else f"can't slice item of type {type_name(value)}")
    if len(bounds) > 3:
        raise TemplateError(f"too many slice indexes: {len(bounds)}")
    data: list[object] | bytes = value.encode() if isinstance(value, str) else value
    limits = [0, len(data)]
    for place, bound in enumerate(bounds[:2]):
        limits[place] = _number(bound)
        if not 0 <= limits[place] <= len(data):
            raise TemplateError(f"index out of range: {limits[place]}")
    if limits[0] > limits[1]:
        raise TemplateError(f"invalid slice index: {limits[0]} > {limits[1]}")
    part = data[limits[0] : limits[1]]
    return part.decode("utf-8", "replace") if isinstance(part, bytes) else Slice(part)


def length(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, (list, dict)):
        return len(value)
    raise TemplateError("len of nil pointer" if value is None else f"len of type {type_name(value)}")


# -- text


def print_(*values: object) -> str:
    """fmt.Sprint: a space between neighbours when neither is a string."""
    out = ""
    for place, value in enumerate(values):
        if place and not isinstance(value, str) and not isinstance(values[place - 1], str):
            out += " "
        out += show(value)
    return out


def println(*values: object) -> str:
    return " ".join(show(value) for value in values) + "\n"


def printf(template: object, *values: object) -> str:
    return sprintf(_text(template), values)


def join(values: object, separator: object = "") -> str:
    if not isinstance(values, list):
        raise TemplateError(f"wrong type for value; expected []string; got {type_name(values)}")
    return _text(separator).join(show(value) for value in values)


def split(text: object, separator: object) -> list[object]:
    source, by = _text(text), _text(separator)
    return Slice(source.split(by) if by else list(source))


def title(text: object) -> str:
    source = _text(text)
    return "".join(
        character.upper() if not place or not (source[place - 1].isalnum() or source[place - 1] in "_'") else character
        for place, character in enumerate(source)
    )


def pad(text: object, before: object, after: object) -> str:
    source = _text(text)
    return " " * _number(before) + source + " " * _number(after) if source else source


def truncate(text: object, size: object) -> str:
    source, limit = _text(text), _number(size)
    return source[:limit] if len(source) > limit >= 0 else source


def json_(value: object) -> str:
    from corral.cli.template.values import Fields

    return encode(value, html=isinstance(value, Fields) and getattr(value, "escapes", False))


def html(*values: object) -> str:
    text = print_(*values)
    for plain_, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&#34;"), ("'", "&#39;")):
        text = text.replace(plain_, escaped)
    return text


def urlquery(*values: object) -> str:
    from urllib.parse import quote_plus

    return quote_plus(print_(*values))


def js(*values: object) -> str:
    text = print_(*values)
    for plain_, escaped in (
        ("\\", "\\\\"), ("'", "\\'"), ('"', '\\"'), ("<", "\\u003C"), (">", "\\u003E"), ("&", "\\u0026"),
        ("=", "\\u003D"), ("\n", "\\u000A"), ("\r", "\\u000D"), ("\t", "\\u0009"),
    ):  # fmt: skip
        text = text.replace(plain_, escaped)
    return text


def call(function: object, *_arguments: object) -> object:
    raise TemplateError(f"non-function {go_quote(show(function))} of type {type_name(function)}")


FUNCTIONS: dict[str, Function] = {
    "call": call, "eq": eq, "ge": ge, "gt": gt, "html": html, "index": index, "join": join, "js": js, "json": json_,
    "le": le, "len": length, "lower": lambda text: _text(text).lower(), "lt": lt, "ne": ne, "not": not_, "pad": pad,
    "print": print_, "printf": printf, "println": println, "slice": slice_, "split": split, "title": title,
    "truncate": truncate, "upper": lambda text: _text(text).upper(), "urlquery": urlquery,
}  # fmt: skip
