"""Streams as log entries: nothing added, nothing missing, wherever the chunks happen to be cut."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.runtime.supervisor.entries import LIMIT, encode, flush, format_time

AT = 1_764_021_600_123_456_789


def through(stream: str, chunks: list[bytes]) -> list[dict[str, str]]:
    """What a reader of the log finds after all chunks and the end of the stream."""
    out, rest = b"", b""
    for chunk in chunks:
        pieces, rest = encode(stream, rest + chunk, AT)
        out += b"".join(pieces)
        assert len(rest) < LIMIT
        assert b"\n" not in rest
    out += b"".join(flush(stream, rest, AT))
    assert out == b"" or out.endswith(b"}\n")
    return [json.loads(line) for line in out.splitlines()]


line = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=8).map(str.encode)
long_line = st.integers(LIMIT - 3, LIMIT * 2 + 3).map(lambda size: b"x" * size)


@given(st.lists(st.one_of(line, line.map(lambda text: text + b"\n"), long_line)), st.data())
def test_text_is_the_same_however_it_is_cut(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    chunks = [whole[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    entries = through("stdout", [chunk for chunk in chunks if chunk])
    assert "".join(entry["log"] for entry in entries).encode() == whole
    assert all(entry["log"].find("\n") in (-1, len(entry["log"]) - 1) for entry in entries)
    assert entries == through("stdout", [whole])


def test_entry_is_a_line_with_its_feed_stream_and_time() -> None:
    pieces, rest = encode("stderr", b"one\ntwo\nthr", AT)
    end = b'","stream":"stderr","time":"2025-11-24T22:00:00.123456789Z"}\n'
    assert b"".join(pieces) == b'{"log":"one\\n' + end + b'{"log":"two\\n' + end
    assert rest == b"thr"
    assert b"".join(flush("stderr", rest, AT)) == b'{"log":"thr' + end


@pytest.mark.parametrize(
    ("size", "lengths"),
    [
        (LIMIT - 1, [LIMIT]),
        (LIMIT, [LIMIT, 1]),
        (LIMIT * 2 + 5, [LIMIT, LIMIT, 6]),
    ],
)
def test_long_line_is_cut_into_pieces_of_16_kib_as_docker_does(size: int, lengths: list[int]) -> None:
    entries = through("stdout", [b"y" * size + b"\n"])
    assert [len(entry["log"]) for entry in entries] == lengths
    assert [entry["log"].endswith("\n") for entry in entries] == [False] * (len(lengths) - 1) + [True]


def test_cut_does_not_tear_a_character_apart() -> None:
    text = "ä€😀" * 8000
    entries = through("stdout", [text.encode() + b"\n"])
    assert len(entries) > 1
    assert "".join(entry["log"] for entry in entries) == text + "\n"


def test_binary_without_any_line_feed_is_not_held_back() -> None:
    pieces, rest = encode("stdout", b"\x80" * (LIMIT * 3), AT)
    assert len(pieces) == 9
    assert rest == b""


def test_nothing_is_not_an_entry() -> None:
    assert encode("stdout", b"", AT) == ([], b"")
    assert flush("stdout", b"", AT) == []


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_time_is_rfc_3339_with_nine_digits(at: int) -> None:
    text = format_time(at).decode()
    seconds, nanoseconds = divmod(at, 10**9)
    assert text == datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{nanoseconds:09d}Z"
