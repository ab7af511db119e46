"""Filters of the image list."""

from __future__ import annotations

import time

import pytest

from corral.errors import Invalid, NotFound
from corral.image import filters, when
from corral.image.record import Image
from corral.oci.digest import ImageID
from corral.oci.image import ContainerConfig, ImageConfig
from corral.oci.reference import parse_reference


def image(created: int = 100, **labels: str) -> Image:
    config = ImageConfig(config=ContainerConfig(labels=labels or None))
    return Image(ImageID("sha256:" + "a" * 64), config, None, 0, created)


def resolve(text: str) -> Image:
    if text == "middle":
        return image(created=100)
    raise NotFound(f"No such image: {text}:latest")


def admits(given: dict[str, list[str]], candidate: Image) -> bool:
    return filters.parse(given, resolve).admits(candidate)


def test_labels() -> None:
    assert admits({"label": ["a", "b=2"]}, image(a="1", b="2"))
    assert not admits({"label": ["a", "b=3"]}, image(a="1", b="2"))
    assert not admits({"label": ["c"]}, image())


def test_before_and_since_leave_the_image_itself_out() -> None:
    assert [admits({"before": ["middle"]}, image(created)) for created in (99, 100, 101)] == [True, False, False]
    assert [admits({"since": ["middle"]}, image(created)) for created in (99, 100, 101)] == [False, False, True]


def test_until_takes_durations_and_moments() -> None:
    now = time.time_ns()
    assert admits({"until": ["1h"]}, image(now - 2 * 3600 * 10**9))
    assert not admits({"until": ["1h"]}, image(now))
    assert admits({"until": ["1000.5"]}, image(1000 * 10**9))
    assert not admits({"until": ["1000"]}, image(1001 * 10**9))
    assert filters.timestamp("2020-01-02T03:04:05Z") == 1_577_934_245 * 10**9
    assert filters.timestamp("2020-01-02T03:04:05.5+01:00") == 1_577_930_645_500_000_000
    assert isinstance(filters.timestamp("2020-01-02"), int)
    assert isinstance(filters.timestamp("2020-01-02T03:04:05"), int)


@pytest.mark.parametrize(
    ("pattern", "matches", "misses"),
    [
        ("busy*", "busybox:latest", "me/busybox:latest"),
        ("busybox", "busybox:1", "busyboxy:1"),
        ("*/*", "me/app:1", "busybox:1"),
        ("busybox:?.*", "busybox:1.36", "busybox:latest"),
        ("[a-c]pp", "app:1", "dpp:1"),
        ("[^a]pp", "bpp:1", "app:1"),
        ("a\\*", "", "ab:1"),
    ],
)
def test_reference_patterns(pattern: str, matches: str, misses: str) -> None:
    wanted = filters.parse({"reference": [pattern]}, resolve)
    assert not matches or wanted.names(parse_reference(matches))
    assert not wanted.names(parse_reference(misses))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bad": ["x"]}, "invalid filter 'bad'"),
        ({"dangling": ["x"]}, "invalid filter 'dangling=[x]'"),
        ({"dangling": ["true", "false"]}, "invalid filter 'dangling=[true false]'"),
        ({"until": ["xzzz"]}, 'failed to parse value as time or duration: "xzzz"'),
        ({"reference": ["["]}, "syntax error in pattern"),
        ({"reference": ["a\\"]}, "syntax error in pattern"),
    ],
)
def test_mistakes(given: dict[str, list[str]], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        filters.parse(given, resolve)
    assert str(caught.value) == message


def test_unknown_image() -> None:
    with pytest.raises(NotFound, match="No such image: zz:latest"):
        filters.parse({"before": ["zz"]}, resolve)


def test_dangling() -> None:
    assert filters.parse({"dangling": ["1"]}, resolve).dangling is True
    assert filters.parse({"dangling": ["false"]}, resolve).dangling is False
    assert filters.parse({}, resolve).dangling is None


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("2026-11-24T21:31:16.601806672Z", 1_795_555_876_601_806_672),
        ("1970-01-01T00:00:01+00:00", 10**9),
        ("0001-01-01T00:00:00Z", 0),
        ("garbage", 0),
        (None, 0),
    ],
)
def test_times_are_read(text: str | None, nanoseconds: int) -> None:
    assert when.parse(text) == nanoseconds


def test_times_are_shown_as_go_shows_them() -> None:
    assert when.render(1_795_555_876_601_806_000) == "2026-11-24T21:31:16.601806Z"
    assert when.render(10**9) == "1970-01-01T00:00:01Z"
    assert when.render(0) == "0001-01-01T00:00:00Z"
