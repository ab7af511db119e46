"""Flags as docker's command line takes them."""

from __future__ import annotations

import pytest

from corral.cli.errors import UsageError
from corral.cli.flags import Flag, HelpWanted, parse
from corral.cli.kinds import BOOL, FILTER, INT, LIST, STRING, UINT16, go_quote, parse_int

FLAGS = (
    Flag("all", "a", BOOL, ""),
    Flag("quiet", "q", BOOL, ""),
    Flag("on", "", BOOL, "", default=True),
    Flag("number", "n", INT, "", default=-1),
    Flag("weight", "", UINT16, ""),
    Flag("name", "m", STRING, ""),
    Flag("env", "e", LIST, ""),
    Flag("filter", "f", FILTER, ""),
    Flag("old", "", INT, "", deprecated="use --number"),
)


def values(*args: str, interspersed: bool = True) -> tuple[dict[str, object], list[str]]:
    options, rest = parse(FLAGS, args, interspersed=interspersed)
    return {name: options.value(name) for name in options.changed}, rest


@pytest.mark.parametrize(
    ("args", "changed", "rest"),
    [
        ("", {}, []),
        ("x y", {}, ["x", "y"]),
        ("-a x -q", {"all": True, "quiet": True}, ["x"]),
        ("-aq", {"all": True, "quiet": True}, []),
        ("-aqn5", {"all": True, "quiet": True, "number": 5}, []),
        ("-n5", {"number": 5}, []),
        ("-n=5", {"number": 5}, []),
        ("-n 5", {"number": 5}, []),
        ("-n -5", {"number": -5}, []),
        ("--number=5", {"number": 5}, []),
        ("--number 5", {"number": 5}, []),
        ("--all=false", {"all": False}, []),
        ("-a=false", {"all": False}, []),
        ("--all false", {"all": True}, ["false"]),
        ("--on=0", {"on": False}, []),
        ("--name= x", {"name": ""}, ["x"]),
        ("--name -a", {"name": "-a"}, []),
        ("-m -- -a", {"name": "--", "all": True}, []),
        ("-- -a x", {}, ["-a", "x"]),
        ("x -- -a", {}, ["x", "-a"]),
        ("-", {}, ["-"]),
        ("-e A=1 -e B=2,C --env D", {"env": ["A=1", "B=2,C", "D"]}, []),
        ("-f Label=A=b", {"filter": ["label=A=b"]}, []),
        ("-n 0x10", {"number": 16}, []),
    ],
)
def test_flags_and_arguments(args: str, changed: dict[str, object], rest: list[str]) -> None:
    assert values(*args.split()) == (changed, rest)


def test_the_first_argument_ends_the_flags_of_run() -> None:
    assert values("-a", "image", "-q", "--name", "x", interspersed=False) == (
        {"all": True},
        ["image", "-q", "--name", "x"],
    )
    assert values("--", "-a", interspersed=False) == ({}, ["-a"])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("--nope", "unknown flag: --nope"),
        ("--nope=1", "unknown flag: --nope"),
        ("-x", "unknown shorthand flag: 'x' in -x"),
        ("-ax", "unknown shorthand flag: 'x' in -x"),
        ("--name", "flag needs an argument: --name"),
        ("-m", "flag needs an argument: 'm' in -m"),
        ("-am", "flag needs an argument: 'm' in -m"),
        ("--=x", "bad flag syntax: --=x"),
        ("---x", "bad flag syntax: ---x"),
        ("-n x", 'invalid argument "x" for "-n, --number" flag: strconv.ParseInt: parsing "x": invalid syntax'),
        (
            "--weight 70000",
            'invalid argument "70000" for "--weight" flag: strconv.ParseUint: parsing "70000": value out of range',
        ),
        (
            "--all=maybe",
            'invalid argument "maybe" for "-a, --all" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        ("-f x", 'invalid argument "x" for "-f, --filter" flag: bad format of filter (expected name=value)'),
    ],
)
def test_what_is_wrong_is_said_as_docker_says_it(args: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        values(*args.split())
    assert caught.value.message == message
    assert caught.value.exit_code == 125


def test_help_waits_for_errors() -> None:
    with pytest.raises(HelpWanted):
        values("--help", "x")
    with pytest.raises(HelpWanted) as caught:
        values("-h")
    assert caught.value.notes == ["Flag shorthand -h has been deprecated, use --help"]
    with pytest.raises(UsageError):
        values("--help", "--nope")


def test_a_deprecated_flag_works_and_says_so() -> None:
    options, _ = parse(FLAGS, ["--old", "3"])
    assert (options.number("old"), options.notes) == (3, ["Flag --old has been deprecated, use --number"])


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("-0", 0), ("010", 8), ("0o10", 8), ("0b11", 3), ("1_000", 1000), ("+7", 7)]
)
def test_integers_in_all_of_gos_notations(text: str, number: int) -> None:
    assert parse_int(text) == number


@pytest.mark.parametrize("text", ["", " 1", "1 ", "1.0", "0x", "9999999999999999999", "--1", "1e3"])
def test_what_is_no_integer(text: str) -> None:
    with pytest.raises(ValueError, match=r"strconv\.ParseInt"):
        parse_int(text)


def test_quotes_as_go_quotes() -> None:
    assert go_quote('a"b\\c\n') == '"a\\"b\\\\c\\n"'
