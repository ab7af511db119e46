"""The inside of JSON strings, byte for byte what Docker's json-file driver writes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.runtime.supervisor.escape import escape


def reference(data: bytes) -> bytes:
    """moby's ffjsonWriteJSONBytesAsString, one character at a time; line feeds are left as they are."""
    out = bytearray()
    position = 0
    while position < len(data):
        byte = data[position]
        if byte < 0x80:
            position += 1
            if byte in b'\\"':
                out += b"\\" + bytes((byte,))
            elif byte == 0x0D:
                out += b"\\r"
            elif byte == 0x0A or (byte >= 0x20 and byte not in b"<>&"):
                out.append(byte)
            else:
                out += b"\\u%04x" % byte
            continue
        for size in (2, 3, 4):
            try:
                character = data[position : position + size].decode()
            except UnicodeDecodeError:
                continue
            position += size
            out += {"\u2028": b"\\u2028", "\u2029": b"\\u2029"}.get(character, character.encode())
            break
        else:
            out += b"\\ufffd"
            position += 1
    return bytes(out)


INTERESTING = [
    b"\\",
    b'"',
    b"<",
    b"&",
    b"\t",
    b"\r",
    b"\n",
    b"\0",
    b"\x7f",
    b"\xc3",
    b"\xa4",
    b"\xe2\x80\xa8",
    b"\xf0\x9f",
]
chunks = st.lists(st.one_of(st.sampled_from(INTERESTING), st.binary(max_size=4), st.text(max_size=4).map(str.encode)))


@given(chunks.map(b"".join))
def test_is_what_docker_writes(data: bytes) -> None:
    assert escape(data) == reference(data)


@given(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])))
def test_text_survives_a_json_decoder(text: str) -> None:
    assert json.loads(b'"' + escape(text.encode()) + b'"') == text


def test_plain_text_is_not_even_copied() -> None:
    data = b"nothing special here\n"
    assert escape(data) is data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xff\xfe", rb"\ufffd\ufffd"),
        (b"\xe2\x82", rb"\ufffd\ufffd"),  # a sequence that is cut short: each byte by itself
        (b"\xed\xa0\x80", rb"\ufffd\ufffd\ufffd"),  # a surrogate
        (b"\xc0\xaf", rb"\ufffd\ufffd"),  # an overlong slash
        ("\u2028\u2029".encode(), rb"\u2028\u2029"),
        (b"\x1b[31m", rb"\u001b[31m"),
        (b"\\u003c", rb"\\u003c"),
    ],
)
def test_known_cases(data: bytes, expected: bytes) -> None:
    assert escape(data) == expected
