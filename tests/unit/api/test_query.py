"""Query parameters, as Docker reads them."""

import pytest

from corral.api.server.http.head import BadRequest, parse_head
from corral.api.server.http.request import Request
from corral.api.server.query import boolean, filters, integer, timestamp
from corral.errors import Invalid


def request(query: str) -> Request:
    return Request(parse_head(f"GET /x?{query} HTTP/1.1\r\nHost: x".encode()), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["1", "true", "True", "yes", "banana"])
def test_almost_anything_is_true(text):
    assert boolean(request(f"all={text}"), "all")


@pytest.mark.parametrize("text", ["", "0", "no", "false", "FALSE", "none", "%20False%20"])
def test_docker_s_words_for_false(text):
    assert not boolean(request(f"all={text}"), "all", default=True)


def test_an_absent_boolean_is_its_default():
    assert boolean(request(""), "stdout", default=True)
    assert not boolean(request(""), "stdout")


def test_integers():
    assert integer(request("t=-1"), "t") == -1
    assert integer(request("t="), "t") is None
    assert integer(request(""), "t") is None
    with pytest.raises(Invalid, match="parameter t: not a number"):
        integer(request("t=foo"), "t")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("null", {}),
        ('{"status":["running","paused"],"label":["a=b"]}', {"status": ["running", "paused"], "label": ["a=b"]}),
        ('{"status":{"running":true,"paused":false}}', {"status": ["running"]}),
    ],
)
def test_filters_in_both_forms(text, expected):
    assert filters(request("filters=" + text)) == expected


@pytest.mark.parametrize("text", ["x", "[]", '{"a":1}', '{"a":[1]}', '{"a":"b"}', "[" * 50_000])
def test_filters_that_are_none(text):
    with pytest.raises(Invalid, match="invalid filter"):
        filters(request("filters=" + text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("0", 0),
        ("1136073600", 1136073600_000000000),
        ("1136073600.5", 1136073600_500000000),
        ("1136073600.000000001", 1136073600_000000001),
        ("-5", 0),
        ("2006-01-01", 1136073600_000000000),
        ("2006-01-01T01:00:00", 1136077200_000000000),
        ("2006-01-01T01:00:00Z", 1136077200_000000000),
        ("2006-01-01T00:00:00.123456789Z", 1136073600_123456789),
        ("2006-01-01T01:00:00%2B01:00", 1136073600_000000000),
        ("10m", 400_000000000),
        ("1m30s", 910_000000000),
        ("1.5s", 998_500000000),
        ("100ms", 999_900000000),
    ],
)
def test_timestamps(text, expected):
    assert timestamp(request("since=" + text), "since", now=1000_000000000) == expected


@pytest.mark.parametrize("text", ["foo", "2006-13-01", "10x", "1m30", "5%20m", "--1"])
def test_timestamps_that_are_none(text):
    with pytest.raises(Invalid, match="invalid value for 'since'"):
        timestamp(request("since=" + text), "since")


def test_paths_are_decoded_and_the_last_of_repeated_parameters_counts():
    parsed = Request(parse_head(b"GET /images/a%2Fb/json?x=1&x=2&y HTTP/1.1\r\nHost: x"), None)  # type: ignore[arg-type]
    assert parsed.path == "/images/a/b/json"
    assert parsed.query == {"x": "2", "y": ""}
    assert parsed.query_list("x") == ["1", "2"]


def test_absurdly_many_parameters_are_refused():
    with pytest.raises(BadRequest):
        _ = request("&".join("a" for _ in range(5000))).query
