"""Command lines in pflag's syntax: ``--name value``, ``--name=value``, ``--switch=false``, ``-Hvalue``, ``-DH x``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from corral.daemon.settings import Kind, Setting
from corral.errors import Invalid
from corral.runtime.driver import RuntimeBinary

__all__ = ["parse_bytes", "parse_flags", "parse_ulimit", "usage"]

_TRUE: Final = ("1", "t", "T", "true", "TRUE", "True")
_FALSE: Final = ("0", "f", "F", "false", "FALSE", "False")
_SUFFIXES: Final = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def parse_flags(arguments: Sequence[str], settings: Iterable[Setting]) -> dict[str, Any]:
    """Values by flag name: str, int, bool, list of str, dict of str, or dict of (soft, hard). Raises Invalid."""
    by_name = {setting.flag: setting for setting in settings}
    by_letter = {setting.short: setting for setting in by_name.values() if setting.short}
    values: dict[str, Any] = {}
    queue = list(arguments)
    while queue:
        argument = queue.pop(0)
        if argument.startswith("--") and len(argument) > 2:
            name, equals, text = argument[2:].partition("=")
            setting = by_name.get(name)
            if setting is None:
                raise Invalid(f"unknown flag: --{name}")
            _take(values, setting, f"--{name}", text if equals else None, queue)
        elif argument.startswith("-") and len(argument) > 1:
            _letters(values, argument[1:], by_letter, queue)
        else:
            raise Invalid(f'"corrald" accepts no arguments: {argument!r}')
    return values


def _letters(values: dict[str, Any], letters: str, by_letter: dict[str, Setting], queue: list[str]) -> None:
    while letters:
        letter, letters = letters[0], letters[1:]
        setting = by_letter.get(letter)
        if setting is None:
            raise Invalid(f"unknown shorthand flag: {letter!r} in -{letter}{letters}")
        if setting.kind is Kind.BOOL and not letters.startswith("="):
            values[setting.flag] = True
            continue
        _take(values, setting, f"-{letter}", letters.removeprefix("=") or None, queue)
        return


def _take(values: dict[str, Any], setting: Setting, shown: str, text: str | None, queue: list[str]) -> None:
    if text is None:
        if setting.kind is Kind.BOOL:
            values[setting.flag] = True
            return
        if not queue:
            raise Invalid(f"flag needs an argument: {shown}")
        text = queue.pop(0)
    try:
        _store(values, setting, text)
    except ValueError as error:
        raise Invalid(f'invalid argument "{text}" for "{shown}" flag: {error}') from None


def _store(values: dict[str, Any], setting: Setting, text: str) -> None:
    match setting.kind:
        case Kind.BOOL:
            if text not in _TRUE + _FALSE:
                raise ValueError("neither true nor false")
            values[setting.flag] = text in _TRUE
        case Kind.INT:
            values[setting.flag] = int(text)
        case Kind.BYTES:
            values[setting.flag] = parse_bytes(text)
        case Kind.LIST:
            values.setdefault(setting.flag, []).append(text)
        case Kind.MAP:
            name, equals, value = text.partition("=")
            if not name or not equals:
                raise ValueError("must be formatted as key=value")
            values.setdefault(setting.flag, {})[name] = value
        case Kind.FEATURES:
            name, equals, value = text.partition("=")
            if not name or (equals and value not in _TRUE + _FALSE):
                raise ValueError("must be formatted as key=true or key=false")
            values.setdefault(setting.flag, {})[name] = not equals or value in _TRUE
        case Kind.ULIMITS:
            name, limits = parse_ulimit(text)
            values.setdefault(setting.flag, {})[name] = limits
        case Kind.MIRRORS:
            name, equals, url = text.partition("=")
            if not name or not url:
                raise ValueError("must be formatted as registry=url")
            values.setdefault(setting.flag, {}).setdefault(name, []).append(url)
        case Kind.RUNTIMES:
            name, _, path = text.partition("=")
            if not name or not path:
                raise ValueError(f"invalid runtime argument: {text}")
            values.setdefault(setting.flag, {})[name] = RuntimeBinary(path)
        case Kind.STRING:
            values[setting.flag] = text


def parse_bytes(text: str) -> int:
    """ "64m" -> 67108864. Raises ValueError."""
    number = text.strip().lower().removesuffix("ib").removesuffix("b") if len(text) > 1 else text
    digits = number.rstrip("bkmgt")
    try:
        return int(float(digits) * _SUFFIXES[number[len(digits) :]])
    except (ValueError, KeyError, OverflowError):
        raise ValueError(f"invalid size: {text!r}") from None


def parse_ulimit(text: str) -> tuple[str, tuple[int, int]]:
    """ "nofile=1024:2048" -> ("nofile", (1024, 2048)): soft, hard. Raises ValueError."""
    name, equals, limits = text.partition("=")
    soft, colon, hard = limits.partition(":")
    if not name or not equals:
        raise ValueError(f"invalid ulimit argument: {text}")
    try:
        values = int(soft), int(hard) if colon else int(soft)
    except ValueError:
        raise ValueError(f"invalid ulimit argument: {text}") from None
    if values[1] != -1 and (values[0] > values[1] or values[0] == -1):
        raise ValueError(f"ulimit soft limit must be less than or equal to hard limit: {values[0]} > {values[1]}")
    return name, values


def usage(settings: Iterable[Setting]) -> str:
    """The text of ``--help``."""
    rows = []
    for setting in sorted(settings, key=lambda one: one.flag):
        if setting.field:
            kind = "" if setting.kind is Kind.BOOL else f" {setting.kind.value}"
            short = f"-{setting.short}, " if setting.short else "    "
            rows.append((f"  {short}--{setting.flag}{kind}", setting.help))
    width = max(len(left) for left, _ in rows) + 3
    lines = "\n".join(f"{left:<{width}}{right}" for left, right in rows)
    return f"Usage:  corrald [OPTIONS]\n\nThe corral container engine.\n\nOptions:\n{lines}\n"
