"""psi(5) texts."""

from __future__ import annotations

import pytest

from corral.runtime.cgroups.pressure import Pressure, Stall, parse


def test_both_lines() -> None:
    text = "some avg10=0.94 avg60=16.01 avg300=13.38 total=5715888516\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    assert parse(text) == Pressure(Stall(0.94, 16.01, 13.38, 5715888516), Stall())


def test_old_kernels_have_no_full_for_processors() -> None:
    assert parse("some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n") == Pressure(Stall(total=1), None)


@pytest.mark.parametrize("text", ["", "some\n", "some avg10=x avg60=0 avg300=0 total=0\n", "a b c\n", "some avg10=1\n"])
def test_what_is_something_else_is_left_out(text: str) -> None:
    assert parse(text) == Pressure()
