"""Flags as the callers of OCI runtimes write them: ``--flag value``, ``--flag=value``, ``-f value``; one dash will do.

Small on purpose: argparse takes 6 ms to import.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from corral.errors import Invalid

__all__ = ["BOOL", "LIST", "NUMBER", "TEXT", "Flag", "Options", "help_text", "parse"]

BOOL: Final = "bool"
TEXT: Final = "text"
NUMBER: Final = "number"
LIST: Final = "list"

_TRUE: Final = ("1", "t", "T", "true", "TRUE", "True")
_FALSE: Final = ("0", "f", "F", "false", "FALSE", "False")


class Flag:
    """``names``: the first one is how the verb asks for it, one letter ones are short."""

    __slots__ = ("help", "kind", "names")

    def __init__(self, names: str, kind: str, help: str) -> None:
        """``names``: separated by blanks."""
        self.names = tuple(names.split())
        self.kind = kind
        self.help = help


class Options:
    """What was said: flags by their first name, and ``rest``, the arguments that are no flags."""

    __slots__ = ("_values", "rest")

    def __init__(self, values: dict[str, list[str]], rest: list[str]) -> None:
        self._values = values
        self.rest = rest

    def has(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str, default: str = "") -> str:
        return self._values[name][-1] if name in self._values else default

    def bool(self, name: str) -> bool:
        return self._values.get(name, ["false"])[-1] == "true"

    def list(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def number(self, name: str, default: int = 0) -> int:
        return int(self._values[name][-1]) if name in self._values else default


def parse(flags: Sequence[Flag], arguments: Sequence[str], *, mixed: bool = True) -> Options:
    """Flags end at ``--``, and unless ``mixed`` at the first argument that is none. Raises Invalid."""
    known = {name: flag for flag in flags for name in flag.names}
    values: dict[str, list[str]] = {}
    rest: list[str] = []
    todo = list(reversed(arguments))
    while todo:
        word = todo.pop()
        if word == "--":
            return Options(values, rest + todo[::-1])
        if not word.startswith("-") or word == "-":
            rest.append(word)
            if not mixed:
                return Options(values, rest + todo[::-1])
            continue
        name, assigned, value = word.lstrip("-").partition("=")
        flag = known.get(name)
        if flag is None:
            raise Invalid(f"flag provided but not defined: {word.partition('=')[0]}")
        if not assigned:
            if flag.kind == BOOL:
                value = "true"
            elif todo:
                value = todo.pop()
            else:
                raise Invalid(f"flag needs an argument: {word}")
        values.setdefault(flag.names[0], []).append(_checked(flag, value))
    return Options(values, rest)


def _checked(flag: Flag, value: str) -> str:
    if flag.kind == BOOL:
        if value not in _TRUE + _FALSE:
            raise Invalid(f'invalid boolean value "{value}" for -{flag.names[0]}')
        return "true" if value in _TRUE else "false"
    if flag.kind == NUMBER:
        try:
            return str(int(value, 10))
        except ValueError:
            raise Invalid(f'invalid value "{value}" for flag -{flag.names[0]}: not a number') from None
    return value


def help_text(flags: Sequence[Flag]) -> str:
    """A line for each flag."""
    shown = [", ".join(f"-{n}" if len(n) == 1 else f"--{n}" for n in flag.names) for flag in flags]
    kinds = ["" if flag.kind == BOOL else " value" for flag in flags]
    left = [name + kind for name, kind in zip(shown, kinds, strict=True)]
    width = max(map(len, left), default=0)
    return "".join(f"   {name:{width}}  {flag.help}\n" for name, flag in zip(left, flags, strict=True))
