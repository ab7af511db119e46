"""The head of a request (RFC 9112), parsed strictly: what is ambiguous is refused, not guessed."""

from __future__ import annotations

import dataclasses
import re
from typing import Final

__all__ = ["MAX_HEAD", "BadRequest", "Head", "parse_head"]

MAX_HEAD: Final = 256 * 1024
"""Bytes of request line and headers; registry credentials in headers can be long."""

_REQUEST_LINE: Final = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])")
_HEADER: Final = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")


class BadRequest(Exception):
    """Not answerable as HTTP; the connection is closed after the answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


@dataclasses.dataclass(frozen=True, slots=True)
class Head:
    """Header names are in lower case; repeated headers are joined by ", " (RFC 9110, 5.3)."""

    method: str
    target: str
    old: bool
    """HTTP/1.0."""
    keep_alive: bool
    headers: dict[str, str]
    length: int
    """Bytes of the body; -1 for chunked."""


def parse_head(raw: bytes | bytearray) -> Head:
    """Parses everything before the empty line. Raises BadRequest."""
    lines = raw.decode("latin-1").split("\r\n")
    first = _REQUEST_LINE.fullmatch(lines[0])
    if first is None:
        raise BadRequest("malformed request line")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise BadRequest("malformed header line")
        name, value = match[1].lower(), match[2].rstrip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    old = first[3] == "0"
    if "host" not in headers and not old:
        raise BadRequest("missing required Host header")
    connection = headers.get("connection", "").lower()
    return Head(
        method=first[1],
        target=first[2],
        old=old,
        keep_alive="keep-alive" in connection if old else "close" not in connection,
        headers=headers,
        length=_body_length(headers),
    )


def _body_length(headers: dict[str, str]) -> int:
    """Where the body ends; both framings at once is how requests are smuggled past proxies (RFC 9112, 6.1)."""
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if length is not None:
            raise BadRequest("both Content-Length and Transfer-Encoding")
        if coding.lower() != "chunked":
            raise BadRequest(f"unsupported transfer encoding {coding!r}", 501)
        return -1
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit() and len(length) < 19):
        raise BadRequest(f"bad Content-Length {length!r}")
    return int(length)
