"""Bytes as the inside of a JSON string, exactly as Docker's json-file driver writes them (moby
``jsonlog/jsonlogbytes.go``).

The quotation mark and the backslash get a backslash; carriage returns become ``\\r``; other bytes below 0x20 and
``<``, ``>`` and ``&`` become ``\\u00XX``; U+2028 and U+2029 are written as escapes; every byte that does not belong
to valid UTF-8 becomes ``\\ufffd``. Line feeds are left as they are: the caller replaces them together with the end of
the entry.

A log is mostly plain text, so the work is done on whole chunks: one pass finds which bytes need something, each of
those is then replaced throughout.
"""

from __future__ import annotations

from typing import Final

_SPECIAL: Final = b'\\"<>&'
_PLAIN: Final = bytes(byte for byte in range(0x20, 0x80) if byte not in _SPECIAL) + b"\n"

_ESCAPES: Final[dict[int, bytes]] = {
    **{byte: b"\\u%04x" % byte for byte in (*range(0x20), *b"<>&") if byte != 0x0A},
    0x0D: b"\\r",
    0x22: b'\\"',
    0x5C: b"\\\\",
}

_LINE_SEPARATOR: Final = "\u2028".encode()
_PARAGRAPH_SEPARATOR: Final = "\u2029".encode()


def escape(data: bytes) -> bytes:
    """``data`` with everything but line feeds escaped. ASCII out unless valid UTF-8 beyond it came in."""
    rest = data.translate(None, _PLAIN)
    if not rest:
        return data
    found = set(rest)
    if 0x5C in found:  # first, or it would escape the escapes
        data = data.replace(b"\\", b"\\\\")
    for byte in found:
        if byte < 0x80 and byte != 0x5C:
            data = data.replace(bytes((byte,)), _ESCAPES[byte])
    return data if rest.isascii() else _escape_unicode(data)


def _escape_unicode(data: bytes) -> bytes:
    try:
        data.decode()
    except UnicodeDecodeError:
        # surrogateescape marks each bad byte by itself, as Go's utf8.DecodeRune does ("replace" would merge some),
        # and encoding makes a question mark of each mark. The real ones step aside: no control byte is left by now.
        data = data.replace(b"?", b"\x01").decode("utf-8", "surrogateescape").encode("utf-8", "replace")
        data = data.replace(b"?", b"\\ufffd").replace(b"\x01", b"?")
    return data.replace(_LINE_SEPARATOR, b"\\u2028").replace(_PARAGRAPH_SEPARATOR, b"\\u2029")
