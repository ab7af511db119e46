from __future__ import annotations

import pytest

from corral.errors import Invalid
from corral.runtime.command.arguments import BOOL, LIST, NUMBER, TEXT, Flag, help_text, parse

FLAGS = (
    Flag("bundle b", TEXT, "a directory"),
    Flag("force f", BOOL, "by force"),
    Flag("env e", LIST, "a variable"),
    Flag("count", NUMBER, "how many"),
)


def test_values_follow_a_blank_or_an_equals_sign_after_one_dash_or_two() -> None:
    for words in (["--bundle", "x"], ["--bundle=x"], ["-b", "x"], ["-b=x"], ["-bundle", "x"]):
        assert parse(FLAGS, words).text("bundle") == "x"


def test_flags_may_follow_arguments_unless_the_rest_is_a_command() -> None:
    assert parse(FLAGS, ["ID", "--force"]).bool("force")
    options = parse(FLAGS, ["--force", "ID", "ls", "-f"], mixed=False)
    assert options.rest == ["ID", "ls", "-f"]


def test_two_dashes_end_the_flags() -> None:
    assert parse(FLAGS, ["--", "--force"]).rest == ["--force"]


def test_a_switch_takes_a_value_by_an_equals_sign_only() -> None:
    assert not parse(FLAGS, ["--force=false", "true"]).bool("force")
    assert parse(FLAGS, ["--force=1"]).bool("force")


def test_the_last_one_counts_and_lists_keep_all() -> None:
    options = parse(FLAGS, ["-b", "1", "-b", "2", "-e", "A=1", "--env", "B=2"])
    assert options.text("bundle") == "2"
    assert options.list("env") == ["A=1", "B=2"]


def test_what_was_not_said_is_the_default() -> None:
    options = parse(FLAGS, [])
    assert (options.text("bundle"), options.bool("force"), options.list("env"), options.number("count")) == (
        "",
        False,
        [],
        0,
    )
    assert not options.has("bundle")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nope"], "flag provided but not defined: --nope"),
        (["--bundle"], "flag needs an argument: --bundle"),
        (["--force=maybe"], 'invalid boolean value "maybe" for -force'),
        (["--count", "x"], 'invalid value "x" for flag -count: not a number'),
    ],
)
def test_what_cannot_be_meant_is_an_error(words: list[str], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        parse(FLAGS, words)


def test_help_names_each_flag() -> None:
    assert help_text(FLAGS).splitlines()[0].split() == ["--bundle,", "-b", "value", "a", "directory"]
