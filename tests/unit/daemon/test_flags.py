"""dockerd's command line."""

import pytest

from corral.daemon.flags import parse_bytes, parse_flags, parse_ulimit, usage
from corral.daemon.settings import SETTINGS
from corral.errors import Invalid


def parse(*arguments):
    return parse_flags(arguments, SETTINGS)


def test_the_forms_of_a_flag():
    assert parse("--data-root", "/x", "--mtu=1400", "-l", "debug", "-Hunix:///a", "-H=tcp://b", "--host", "fd://") == {
        "data-root": "/x",
        "mtu": 1400,
        "log-level": "debug",
        "host": ["unix:///a", "tcp://b", "fd://"],
    }


def test_switches_take_no_argument_but_may_have_one():
    assert parse("-D", "--icc=false", "--init", "--ip-masq=T") == {
        "debug": True,
        "icc": False,
        "init": True,
        "ip-masq": True,
    }
    assert parse("-DH", "unix:///x") == {"debug": True, "host": ["unix:///x"]}
    assert parse("-D=false") == {"debug": False}


def test_repeated_flags_gather():
    assert parse("--log-opt", "max-size=1m", "--log-opt", "max-file=3", "--label", "a=b", "--label", "c=d") == {
        "log-opt": {"max-size": "1m", "max-file": "3"},
        "label": ["a=b", "c=d"],
    }
    assert parse("--default-ulimit", "nofile=1:2", "--default-ulimit", "core=0") == {
        "default-ulimit": {"nofile": (1, 2), "core": (0, 0)}
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nope"], "unknown flag: --nope"),
        (["-X"], "unknown shorthand flag: 'X' in -X"),
        (["--mtu"], "flag needs an argument: --mtu"),
        (["-H"], "flag needs an argument: -H"),
        (["--mtu", "x"], 'invalid argument "x" for "--mtu" flag'),
        (["--debug=maybe"], 'invalid argument "maybe" for "--debug" flag'),
        (["--log-opt", "x"], "must be formatted as key=value"),
        (["--default-ulimit", "nofile=10:5"], "ulimit soft limit must be less than or equal to hard limit: 10 > 5"),
        (["--default-shm-size", "big"], "invalid size: 'big'"),
        (["run"], '"corrald" accepts no arguments'),
        (["-"], '"corrald" accepts no arguments'),
    ],
)
def test_what_is_wrong_is_said(arguments, message):
    with pytest.raises(Invalid) as caught:
        parse(*arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("64m", 64 << 20), ("1G", 1 << 30), ("1.5k", 1536), ("10b", 10), ("2KiB", 2048), ("7kb", 7168)],
)
def test_sizes(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "m", "1x", "b", "1mm", "--"])
def test_sizes_that_are_none(text):
    with pytest.raises(ValueError, match="invalid size"):
        parse_bytes(text)


def test_ulimits_may_be_unlimited():
    assert parse_ulimit("core=-1") == ("core", (-1, -1))
    assert parse_ulimit("core=5:-1") == ("core", (5, -1))
    with pytest.raises(ValueError, match="soft limit"):
        parse_ulimit("core=-1:5")


def test_help_names_every_flag_that_has_an_effect():
    text = usage(SETTINGS)
    assert "-H, --host list" in text
    assert "--live-restore " in text
    assert "--raw-logs" not in text


def test_flags_keys_and_letters_are_unique():
    for of in ("flag", "key", "short"):
        names = [getattr(setting, of) for setting in SETTINGS if getattr(setting, of)]
        assert len(names) == len(set(names))
