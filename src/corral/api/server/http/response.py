"""What a handler returns, and the bytes of its head."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Final

__all__ = ["HIJACKED", "Response", "Stream", "render_head"]


@dataclasses.dataclass(frozen=True, slots=True)
class Response:
    """An answer whose body is at hand."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Stream(Response):
    """An answer whose body comes part by part; the iterator is closed when the client goes away.

    With ``flush`` the head is sent at once. Without, it waits for the first part, so that an error before that still
    has a status of its own.
    """

    chunks: AsyncIterator[bytes] | None = None
    flush: bool = True


HIJACKED: Final = Response(101)
"""What a handler returns that has given its connection away: nothing is sent."""

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


def render_head(response: Response, common: str, framing: str) -> bytes:
    """``common`` and ``framing``: header lines that end in CRLF each."""
    lines = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unknown')}\r\n", common]
    if response.content_type is not None:
        lines.append(f"Content-Type: {response.content_type}\r\n")
    lines.extend(f"{name}: {value}\r\n" for name, value in response.headers.items())
    lines.append(f"{_date()}{framing}\r\n")
    return "".join(lines).encode("latin-1", "replace")


_date_line = (0, "")


def _date() -> str:
    """The Date header, rendered once a second."""
    global _date_line  # noqa: PLW0603 (a cache of one value of the wall clock)
    now = int(time.time())
    if _date_line[0] != now:
        _date_line = (now, time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n", time.gmtime(now)))
    return _date_line[1]
