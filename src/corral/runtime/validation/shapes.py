"""The vocabulary in which the parts of a configuration are described.

A ``Shape`` is asked about a value, with where it is ("process.rlimits[0].type") and the section of the specification
that speaks of it ("config.md#posix-process"), and says what is wrong. JSON's null is the same as nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = [
    "INT32",
    "INT64",
    "UINT16",
    "UINT32",
    "UINT64",
    "Problem",
    "Shape",
    "absolute",
    "cpu_list",
    "flag",
    "items",
    "number",
    "record",
    "rule",
    "table",
    "text",
    "unique",
    "values",
    "within",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """``clause``: file and heading of the specification, such as "config.md#root"; ``message``: what is wrong where."""

    clause: str
    message: str

    def __str__(self) -> str:
        return f"{self.clause}: {self.message}"


Shape = Callable[[object, str, str], Iterator[Problem]]
"""(value, where it is, clause) -> problems."""
Rule = Callable[[Mapping[str, object]], Iterator[tuple[str, str]]]
"""An object whose properties have their shapes -> (property, or "" for the object itself; what is wrong)."""

INT32: Final = (-(1 << 31), (1 << 31) - 1)
INT64: Final = (-(1 << 63), (1 << 63) - 1)
UINT16: Final = (0, (1 << 16) - 1)
UINT32: Final = (0, (1 << 32) - 1)
UINT64: Final = (0, (1 << 64) - 1)


def flag(value: object, where: str, clause: str) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield Problem(clause, f"{where}: MUST be true or false")


def number(limits: tuple[int, int]) -> Shape:
    low, high = limits

    def shape(value: object, where: str, clause: str) -> Iterator[Problem]:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            yield Problem(clause, f"{where}: MUST be an integer")
        elif not low <= value <= high:
            yield Problem(clause, f"{where}: MUST be between {low} and {high}, is {value}")

    return shape


def text(value: object, where: str, clause: str) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(clause, f"{where}: MUST be a string")
    elif "\0" in value:
        yield Problem(clause, f"{where}: contains a null byte")


def absolute(value: object, where: str, clause: str) -> Iterator[Problem]:
    """A path."""
    yield from text(value, where, clause)
    if isinstance(value, str) and not value.startswith("/"):
        yield Problem(clause, f"{where}: MUST be an absolute path, is {value!r}")


def values(known: Collection[str]) -> Shape:
    """One of the constants that the specification lists (config.md#valid-values: anything else is an error)."""

    def shape(value: object, where: str, clause: str) -> Iterator[Problem]:
        yield from text(value, where, clause)
        if isinstance(value, str) and value not in known:
            yield Problem(clause, f"{where}: {value!r} is not a valid value")

    return shape


def cpu_list(value: object, where: str, clause: str) -> Iterator[Problem]:
    """Numbers and ranges as cpuset(7) writes them: "0-3,7"."""
    yield from text(value, where, clause)
    if isinstance(value, str) and not all(_is_range(part.strip()) for part in value.split(",") if part.strip()):
        yield Problem(clause, f"{where}: MUST be a comma-separated list, with dashes to represent ranges, is {value!r}")


def _is_range(part: str) -> bool:
    first, dash, last = part.partition("-")
    return first.isdecimal() and (not dash or (last.isdecimal() and int(first) <= int(last)))


def items(shape: Shape, *, least: int = 0) -> Shape:
    """An array."""

    def check(value: object, where: str, clause: str) -> Iterator[Problem]:
        if not isinstance(value, list | tuple):
            yield Problem(clause, f"{where}: MUST be an array")
            return
        if len(value) < least:
            yield Problem(clause, f"{where}: MUST contain at least {least} entry")
        for index, item in enumerate(value):
            yield from shape(item, f"{where}[{index}]", clause)

    return check


def unique(shape: Shape, name: str) -> Shape:
    """An array of objects of which no two have the same ``name``."""
    check = items(shape)

    def unique_check(value: object, where: str, clause: str) -> Iterator[Problem]:
        yield from check(value, where, clause)
        seen: set[str] = set()
        for index, item in enumerate(value if isinstance(value, list | tuple) else ()):
            key = item.get(name) if isinstance(item, Mapping) else None
            if isinstance(key, str):
                if key in seen:
                    yield Problem(clause, f"{where}[{index}].{name}: {key!r} is a duplicate")
                seen.add(key)

    return unique_check


def within(section: str, shape: Shape) -> Shape:
    """What another section of the specification speaks of than the surrounding object's."""
    return lambda value, where, _clause: shape(value, where, section)


def table(shape: Shape, key: Shape = text) -> Shape:
    """An object whose keys are names of things."""

    def check(value: object, where: str, clause: str) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield Problem(clause, f"{where}: MUST be an object")
            return
        for name, item in value.items():
            yield from key(name, f"{where}[{name!r}]", clause)
            yield from shape(item, f"{where}[{name!r}]", clause)

    return check


def record(clause: str, required: Mapping[str, Shape], optional: Mapping[str, Shape], *rules: Rule) -> Shape:
    """An object whose properties the specification lists. ``clause`` "" is the one of where it is; ``rules`` are only
    asked when all properties have their shapes."""

    def check(value: object, where: str, outer: str) -> Iterator[Problem]:
        section = clause or outer
        if not isinstance(value, Mapping):
            yield Problem(section, f"{where}: MUST be an object")
            return
        prefix = f"{where}." if where else ""
        sound = True
        for name in required:
            if value.get(name) is None:
                sound = False
                yield Problem(section, f"{prefix}{name}: is REQUIRED")
        for name, item in value.items():
            shape = required.get(name) or optional.get(name)
            if shape is not None and item is not None:
                for problem in shape(item, f"{prefix}{name}", section):
                    sound = False
                    yield problem
        if sound:
            for one in rules:
                for name, message in one(value):
                    yield Problem(section, f"{prefix}{name}: {message}" if name else f"{where}: {message}")

    return check


def rule(name: str, wrong: Callable[[Mapping[str, object]], bool], message: str) -> Rule:
    """A rule of one sentence."""

    def check(value: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        if wrong(value):
            yield name, message

    return check
