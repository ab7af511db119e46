"""Detach keys in what is typed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from corral.runtime.supervisor.detach import DetachKeys

CTRL_P_CTRL_Q = b"\x10\x11"


def typed(keys: bytes, *inputs: bytes) -> tuple[bytes, bool]:
    """What reached the process of ``inputs``, up to the detaching."""
    watch = DetachKeys(keys)
    passed = b""
    for data in inputs:
        more, detached = watch.feed(data)
        passed += more
        if detached:
            return passed, True
    return passed, False


def test_sequence_detaches_and_does_not_reach_the_process() -> None:
    assert typed(CTRL_P_CTRL_Q, b"ls\n\x10\x11rest") == (b"ls\n", True)


def test_sequence_in_two_pieces_detaches() -> None:
    assert typed(CTRL_P_CTRL_Q, b"ls\n\x10", b"\x11") == (b"ls\n", True)


def test_beginning_is_held_back_and_passed_on_with_the_next_key() -> None:
    assert typed(CTRL_P_CTRL_Q, b"\x10") == (b"", False)
    assert typed(CTRL_P_CTRL_Q, b"\x10", b"x") == (b"\x10x", False)


def test_repeated_first_key_does_not_hide_the_sequence() -> None:
    assert typed(CTRL_P_CTRL_Q, b"\x10\x10\x11") == (b"\x10", True)


def test_sequence_that_begins_inside_itself_is_found() -> None:
    assert typed(b"aab", b"aaab") == (b"a", True)
    assert typed(b"abac", b"ababac") == (b"ab", True)


def test_single_key() -> None:
    assert typed(b"q", b"abqc") == (b"ab", True)


def test_no_keys_are_never_typed() -> None:
    assert typed(b"", b"\x10\x11") == (b"\x10\x11", False)


@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1, max_size=4).map(b"".join), st.data())
def test_is_found_exactly_where_it_is(keys: bytes, data: st.DataObject) -> None:
    inputs = data.draw(st.lists(st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=6).map(b"".join)))
    whole = b"".join(inputs)
    before, found, _ = whole.partition(keys)
    passed, detached = typed(keys, *inputs)
    assert detached == bool(found)
    if found:
        assert passed == before
    else:
        assert whole.startswith(passed)
        assert keys.startswith(whole[len(passed) :])
