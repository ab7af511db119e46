from __future__ import annotations

import pytest

from corral.errors import Invalid
from corral.registry.auth.rules import parse_rules


def actions(text: str, user: str, repository: str) -> set[str]:
    return set(parse_rules(text, "rules").actions(user, repository))


def test_the_first_line_that_fits_decides_for_each_action() -> None:
    text = "deny bob push x\nallow bob pull,push x\nallow everyone * **"
    assert actions(text, "bob", "x") == {"pull", "delete"}
    assert actions(text, "bob", "y") == {"pull", "push", "delete"}


def test_what_no_line_fits_is_denied() -> None:
    assert actions("allow bob * x", "eve", "x") == set()


@pytest.mark.parametrize(
    ("pattern", "repository", "fits"),
    [
        ("team/*", "team/a", True),
        ("team/*", "team/a/b", False),
        ("team/**", "team/a/b", True),
        ("team/**", "team", False),
        ("**", "any/thing", True),
        ("*", "one", True),
        ("*", "one/two", False),
        ("a.c", "abc", False),
        ("a*c/d", "abbc/d", True),
    ],
)
def test_patterns(pattern: str, repository: str, fits: bool) -> None:
    assert bool(actions(f"allow everyone pull {pattern}", "", repository)) is fits


def test_who() -> None:
    text = (
        "group dev = alice, bob\nallow @dev pull a\nallow users pull b\nallow anonymous pull c\nallow everyone pull d"
    )
    assert [name for name in "abcd" if actions(text, "alice", name)] == ["a", "b", "d"]
    assert [name for name in "abcd" if actions(text, "eve", name)] == ["b", "d"]
    assert [name for name in "abcd" if actions(text, "", name)] == ["c", "d"]


def test_the_name_of_the_user_is_no_pattern() -> None:
    text = "allow users * home/${user}/**"
    assert actions(text, "a.b", "home/a.b/x")
    assert not actions(text, "a.b", "home/axb/x")
    assert not actions(text, "**", "home/other/x")
    assert not actions(text, "", "home//x")


@pytest.mark.parametrize("text", ["allow @nobody pull x", "group a = x\ngroup a = y", "allow x pull y z"])
def test_what_is_wrong_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="rules"):
        parse_rules(text, "rules")
