from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.registry.refusals import Refusal
from corral.registry.web.bodies import Query, byte_range


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=5-", (5, 5)),
        ("bytes=-3", (7, 3)),
        ("bytes=-30", (0, 10)),
        ("bytes=8-100", (8, 2)),
        ("BYTES=1-2", (1, 2)),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("items=1-2", None),
        ("", None),
    ],
)
def test_one_range_of_ten_bytes(header: str, found: tuple[int, int] | None) -> None:
    assert byte_range(header, 10) == found


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=11-12", "bytes=5-4", "bytes=-0"])
def test_outside(header: str) -> None:
    with pytest.raises(ValueError, match=r"asked for|outside"):
        byte_range(header, 10)


@given(st.text(alphabet="bytes=0123456789-, ", max_size=30), st.integers(0, 1000))
def test_any_range_lies_inside(header: str, size: int) -> None:
    try:
        found = byte_range(header, size)
    except ValueError:
        return
    assert found is None or (found[0] >= 0 and found[1] > 0 and sum(found) <= size)


def test_parameters() -> None:
    query = Query("tag=a&tag=b%2Fc&n=&digest=sha256:x")
    assert query.all("tag") == ["a", "b/c"]
    assert query.get("digest") == "sha256:x"
    assert query.has("n")
    assert query.get("last") == ""
    with pytest.raises(Refusal):
        Query("x=1&" * 200)
