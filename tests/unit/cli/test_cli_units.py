"""Numbers, spans and tables as docker shows them."""

from __future__ import annotations

import time

import pytest

from corral.cli.container.ports import display
from corral.cli.jsontext import compact, indent
from corral.cli.moments import timestamp
from corral.cli.table import align
from corral.cli.text import ellipsis
from corral.cli.units import (
    binary_size,
    decimal_size,
    human_duration,
    parse_bytes,
    parse_duration,
    parse_rfc3339,
    zone_offset,
)


@pytest.mark.parametrize(
    ("size", "precision", "text"),
    [
        (0, 4, "0B"),
        (999, 4, "999B"),
        (1000, 4, "1kB"),
        (1984172, 4, "1.984MB"),
        (1984172, 3, "1.98MB"),
        (173281486, 3, "173MB"),
        (10**15, 4, "1PB"),
    ],
)
def test_decimal_sizes(size: int, precision: int, text: str) -> None:
    assert decimal_size(size, precision) == text


def test_binary_sizes() -> None:
    assert binary_size(25276510208) == "23.54GiB"
    assert binary_size(65536) == "64KiB"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (120, "2 minutes"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (2 * 3600, "2 hours"),
        (47 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (14 * 86400, "2 weeks"),
        (60 * 86400, "2 months"),
        (800 * 86400, "2 years"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512", 512),
        ("1b", 1),
        ("1k", 1024),
        ("1kb", 1024),
        ("1KiB", 1024),
        ("64m", 1 << 26),
        ("1.5g", 3 << 29),
        ("1 G", 1 << 30),
    ],
)
def test_bytes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc", "invalid size: 'abc'"),
        ("-1", "invalid size: '-1'"),
        ("", "invalid size: ''"),
        ("1x", "invalid suffix: 'x'"),
        ("1mbb", "invalid suffix: 'mbb'"),
    ],
)
def test_what_is_no_size(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("0", 0), ("1s", 10**9), ("1h30m", 5400 * 10**9), ("-1.5s", -1500000000), ("300ms", 300000000), ("2us", 2000)],
)
def test_durations(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "abc", "1", "1x", "s", "1.1.1s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"^time: "):
        parse_duration(text)


def test_moments_become_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000_000_000_000)
    assert timestamp("") is None
    assert timestamp("1700000000.5") == "1700000000.5"
    assert timestamp("10s") == "999999990.000000000"
    assert timestamp("2024-01-02T03:04:05Z") == "1704164645.000000000"
    assert timestamp("2024-01-02T03:04:05.25+01:00") == "1704161045.250000000"


def test_moments_without_a_zone_are_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-2")
    time.tzset()
    try:
        assert timestamp("2024-01-02") == "1704146400.000000000"
        assert timestamp("2024-01-02T01:30") == "1704151800.000000000"
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def test_rfc3339() -> None:
    assert parse_rfc3339("1970-01-01T00:00:01.5Z") == 1.5
    assert parse_rfc3339("1970-01-01T01:00:00+01:00") == 0
    assert parse_rfc3339("yesterday") is None
    assert [zone_offset(seconds) for seconds in (0, 3600, -5400)] == ["+0000", "+0100", "-0130"]


def test_columns_are_aligned_and_the_last_is_not_padded() -> None:
    assert align(["ID\tNAME\tX", "1\ta long name\ty", "12345678901\tb\tz"]) == (
        "ID            NAME          X\n1             a long name   y\n12345678901   b             z\n"
    )


def test_columns_end_where_a_line_has_fewer_cells() -> None:
    assert (
        align(["a\tb\tc", "only one", "long cell here\tb"], min_width=0, padding=1)
        == "a b c\nonly one\nlong cell here b\n"
    )


def test_ports_share_a_run() -> None:
    tcp = [{"IP": "0.0.0.0", "PrivatePort": port, "PublicPort": port, "Type": "tcp"} for port in (80, 81, 83)]
    other = [{"IP": "::", "PrivatePort": 9, "PublicPort": 10, "Type": "udp"}, {"PrivatePort": 443, "Type": "tcp"}]
    assert display([*tcp, *other]) == (  # type: ignore[list-item]
        "0.0.0.0:80-81->80-81/tcp, 0.0.0.0:83->83/tcp, 443/tcp, [::]:10->9/udp"
    )


def test_json_keeps_its_words() -> None:
    text = '[{"a":1.50,"b":"\\u003c{}[],:","c":[],"d":{},"e":[1,{"f":null}]}]'
    assert indent(text) == (
        '[\n    {\n        "a": 1.50,\n        "b": "\\u003c{}[],:",\n        "c": [],\n        "d": {},\n'
        '        "e": [\n            1,\n            {\n                "f": null\n            }\n        ]\n    }\n]'
    )
    assert indent("[]") == "[]"
    assert compact(indent(text)) == text


def test_ellipsis() -> None:
    assert (ellipsis("abcd", 4), ellipsis("abcde", 4)) == ("abcd", "abc…")
