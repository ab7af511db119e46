"""Where bodies end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.api.server.http.body import Chunked, Sized, framing
from corral.api.server.http.head import BadRequest


def test_a_sized_body_leaves_what_follows():
    received = bytearray(b"hello, next")
    body = framing(5)
    assert body.take(received) == b"hello"
    assert body.done
    assert received == b", next"
    assert body.take(received) == b""


def test_no_body_is_done_at_once():
    assert framing(0).done


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.integers(1, 40))
def test_chunks_come_out_as_they_went_in_however_they_arrive(parts, step):
    wire = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n" + b"REST"
    body, received, out = Chunked(), bytearray(), b""
    for start in range(0, len(wire), step):
        received += wire[start : start + step]
        out += body.take(received)
    assert out == b"".join(parts)
    assert body.done
    assert received == b"REST"


def test_extensions_and_trailers_are_dropped():
    received = bytearray(b"3;a=b\r\nabc\r\n0\r\nX-Digest: 1\r\nY: 2\r\n\r\nnext")
    body = Chunked()
    assert body.take(received) == b"abc"
    assert body.done
    assert received == b"next"


@pytest.mark.parametrize(
    "wire",
    [
        b"x\r\n",
        b"-1\r\n",
        b"3\r\nabcd\r\n",
        b"0x3\r\nabc\r\n",
        b"\r\n",
        b"1" * 5000,
        b"+3\r\n",
        b"fffffffffffffffff\r\n",
    ],
)
def test_malformed_chunks_are_refused(wire):
    body, received = Chunked(), bytearray(wire)
    with pytest.raises(BadRequest):
        body.take(received)


def test_a_sized_body_in_parts():
    body = Sized(6)
    assert body.take(bytearray(b"abc")) == b"abc"
    assert not body.done
    assert body.take(bytearray()) == b""
    assert body.take(bytearray(b"def")) == b"def"
    assert body.done
