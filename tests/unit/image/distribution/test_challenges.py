from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.image.distribution.registry.challenges import Challenge, parse_challenges
from corral.image.distribution.registry.scopes import merge


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="x"', [("basic", {"realm": "x"})]),
        ("Basic realm=x", [("basic", {"realm": "x"})]),
        ("Basic", [("basic", {})]),
        ('bearer  realm = "a" ,service="b"', [("bearer", {"realm": "a", "service": "b"})]),
        ("Bearer realm=https://auth.example/token", [("bearer", {"realm": "https://auth.example/token"})]),
        (
            'Bearer realm="https://a/t",service="s",scope="repository:x:pull,push", Basic realm="y"',
            [
                ("bearer", {"realm": "https://a/t", "service": "s", "scope": "repository:x:pull,push"}),
                ("basic", {"realm": "y"}),
            ],
        ),
        ('Basic realm="a \\"quoted\\" comma, here"', [("basic", {"realm": 'a "quoted" comma, here'})]),
        ("Negotiate, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        ("Negotiate dG9rZW4=, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        ('Bearer realm="first",realm="second"', [("bearer", {"realm": "first"})]),
        ('Bearer realm="never closed', [("bearer", {})]),
        ("", []),
        ("=,=", []),
        ("\x00", []),
    ],
)
def test_challenges_are_read_in_every_form(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert [(one.scheme, dict(one.parameters)) for one in parse_challenges([header])] == expected


def test_several_headers_are_several_challenges() -> None:
    assert parse_challenges(["Basic realm=a", "Bearer realm=b"]) == (
        Challenge("basic", {"realm": "a"}),
        Challenge("bearer", {"realm": "b"}),
    )


@given(st.text(alphabet='abBearer Basic ,="\\\t\x00é;', max_size=200))
def test_no_header_breaks_the_parser(header: str) -> None:
    parse_challenges([header])


@pytest.mark.parametrize("hostile", ['Bearer a="' + "\\" * 100_000, "a," * 50_000, "Bearer " + "a=b," * 50_000])
@pytest.mark.timeout(5)
def test_a_hostile_header_takes_no_time(hostile: str) -> None:
    assert len(parse_challenges([hostile])) <= 64


def test_scopes_of_one_repository_become_one() -> None:
    scopes = ["repository:a:push,pull", "repository:b:pull repository:a:delete", "nonsense"]
    assert merge(scopes) == ("repository:a:push,pull,delete", "repository:b:pull")
