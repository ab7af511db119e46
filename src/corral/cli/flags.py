"""Flags with the semantics of docker's command line.

``--name value``, ``--name=value``, ``-n value``, ``-n=value``, ``-nvalue``, bundles ``-abc``; switches take a value
only after ``=``; ``--`` ends the flags. Where a verb's arguments belong to another command (run, exec), the first
argument ends the flags too. argparse has none of this, and costs 6 ms of imports.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from corral.cli.errors import UsageError
from corral.cli.kinds import BOOL, Kind, go_quote


class HelpWanted(Exception):
    """Not an error: the verb's help is to be shown, after ``notes``."""

    def __init__(self, notes: Sequence[str] = ()) -> None:
        super().__init__()
        self.notes = notes


class Flag:
    """One flag. ``default`` is its value when it is not given, ``shown`` the text after "default" in the help."""

    __slots__ = ("default", "deprecated", "hidden", "kind", "name", "short", "shown", "usage")

    def __init__(
        self,
        name: str,
        short: str,
        kind: Kind,
        usage: str,
        *,
        default: object = None,
        shown: str | None = None,
        hidden: bool = False,
        deprecated: str | None = None,
    ) -> None:
        self.name = name
        self.short = short
        self.kind = kind
        self.usage = usage
        self.default = kind.zero if default is None else default
        self.shown = shown
        self.hidden = hidden
        self.deprecated = deprecated


class Options:
    """Values by flag name, read through the type that the caller expects."""

    __slots__ = ("_values", "changed", "help", "notes")

    def __init__(self, flags: Iterable[Flag]) -> None:
        self._values: dict[str, object] = {flag.name: flag.default for flag in flags}
        self.changed: set[str] = set()
        self.notes: list[str] = []
        self.help = False

    def set(self, flag: Flag, text: str) -> None:
        """Raises ValueError with the reason."""
        value = flag.kind.parse(text)
        if flag.kind.repeated:
            given = self._values[flag.name] if flag.name in self.changed else ()
            assert isinstance(given, (list, tuple))
            value = [*given, value]
        self._values[flag.name] = value
        self.changed.add(flag.name)

    def switch(self, name: str) -> bool:
        return bool(self._values[name])

    def text(self, name: str) -> str:
        value = self._values[name]
        assert isinstance(value, str)
        return value

    def decimal(self, name: str) -> float:
        value = self._values[name]
        assert isinstance(value, float)
        return value

    def number(self, name: str) -> int:
        value = self._values[name]
        assert isinstance(value, int)
        return value

    def items(self, name: str) -> Sequence[str]:
        value = self._values[name]
        assert isinstance(value, (list, tuple))
        return value

    def objects(self, name: str) -> Sequence[object]:
        """The values of a repeated flag whose kind makes more than text of them."""
        value = self._values[name]
        assert isinstance(value, (list, tuple))
        return value

    def value(self, name: str) -> object:
        return self._values[name]


HELP = Flag("help", "", BOOL, "Print usage", hidden=True)


def parse(flags: Sequence[Flag], args: Sequence[str], *, interspersed: bool = True) -> tuple[Options, list[str]]:
    """The options and the arguments that are left. Raises UsageError, HelpWanted."""
    options = Options(flags)
    longs = {flag.name: flag for flag in flags}
    shorts = {flag.short: flag for flag in flags if flag.short}
    longs.setdefault("help", HELP)
    rest: list[str] = []
    at = 0
    while at < len(args):
        arg = args[at]
        at += 1
        if arg == "--":
            rest += args[at:]
            break
        if len(arg) < 2 or not arg.startswith("-"):
            rest.append(arg)
            if not interspersed:
                rest += args[at:]
                break
            continue
        at = _long(arg, args, at, longs, options) if arg.startswith("--") else _short(arg, args, at, shorts, options)
    if options.help:  # only now: a wrong flag is worth knowing about first
        raise HelpWanted(options.notes)
    return options, rest


def _long(arg: str, args: Sequence[str], at: int, flags: dict[str, Flag], options: Options) -> int:
    name, equals, value = arg[2:].partition("=")
    if not name or name.startswith("-"):
        raise UsageError(f"bad flag syntax: {arg}")
    flag = flags.get(name)
    if flag is None:
        raise UsageError(f"unknown flag: --{name}")
    if not equals:
        if flag.kind.switch:
            value = "true"
        elif at < len(args):
            value = args[at]
            at += 1
        else:
            raise UsageError(f"flag needs an argument: {arg}")
    _set(flag, value, options)
    return at


def _short(arg: str, args: Sequence[str], at: int, flags: dict[str, Flag], options: Options) -> int:
    bundle = arg[1:]
    while bundle:
        flag = flags.get(bundle[0])
        if flag is None:
            if bundle == "h":
                options.help = True
                options.notes.append("Flag shorthand -h has been deprecated, use --help")
                return at
            raise UsageError(f"unknown shorthand flag: {_rune(bundle[0])} in -{bundle}")
        if len(bundle) > 2 and bundle[1] == "=":
            value, bundle = bundle[2:], ""
        elif flag.kind.switch:
            value, bundle = "true", bundle[1:]
        elif len(bundle) > 1:
            value, bundle = bundle[1:], ""
        elif at < len(args):
            value, bundle = args[at], ""
            at += 1
        else:
            raise UsageError(f"flag needs an argument: {_rune(bundle[0])} in -{bundle}")
        _set(flag, value, options)
    return at


def _set(flag: Flag, value: str, options: Options) -> None:
    if flag is HELP:
        options.help = True
        return
    try:
        options.set(flag, value)
    except ValueError as error:
        named = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
        raise UsageError(f"invalid argument {go_quote(value)} for {go_quote(named)} flag: {error}") from None
    if flag.deprecated:
        options.notes.append(f"Flag --{flag.name} has been deprecated, {flag.deprecated}")


def _rune(character: str) -> str:
    return f"'{character}'"
