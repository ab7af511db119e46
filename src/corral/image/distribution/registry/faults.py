"""What goes wrong between a client and a registry, before anybody knows what it means for an image.

::

    Fault
    ├── Unreachable     no whole answer came: no connection, a broken one, silence
    ├── Untrusted       the server is there, and its certificate or its protocol is not what is asked for
    ├── Refused         it answered with an error
    ├── Unauthenticated nothing that could be shown to it is enough
    └── Nonsense        its answer cannot be right: wrong length, wrong digest, no JSON, an endless redirect

`words.translate` makes errors for users of them. The texts are those that Docker shows, which are Go's.
"""

from __future__ import annotations

import http
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from corral.image.distribution.registry.challenges import Challenge, parse_challenges

_TOO_MANY_REQUESTS: Final = 429
_RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_TEXT: Final = 2048


class Fault(Exception):
    """``transient``: the same request may succeed later. ``bare``: the text without the request that failed."""

    transient = False

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
        self.bare = text


class Unreachable(Fault):
    """``connected``: the server was there, and the connection broke."""

    transient = True

    def __init__(self, text: str, *, connected: bool) -> None:
        super().__init__(text)
        self.connected = connected


class Untrusted(Fault):
    pass


class Unauthenticated(Fault):
    pass


class Nonsense(Fault):
    pass


@dataclass(frozen=True, slots=True)
class Detail:
    """One error of an answer. ``code`` is one of the specification ("MANIFEST_UNKNOWN") or of the registry's own."""

    code: str
    message: str

    def __str__(self) -> str:
        shown = self.code if self.code in _MESSAGES else "UNKNOWN"
        return f"{shown.lower().replace('_', ' ')}: {self.message}"


class Refused(Fault):
    """``details`` is empty when the answer's body was not of the specification's form."""

    def __init__(
        self,
        text: str,
        status: int,
        details: tuple[Detail, ...] = (),
        retry_after: str = "",
        *,
        by_token_server: bool = False,
    ) -> None:
        super().__init__(text)
        self.by_token_server = by_token_server
        self.status = status
        self.details = details
        self.retry_after = retry_after
        self.transient = status in _RETRIED

    @property
    def code(self) -> str:
        return self.details[0].code if self.details else ""


class _Entry(msgspec.Struct):
    code: str = ""
    message: str = ""


class _Body(msgspec.Struct):
    errors: list[_Entry] = []
    details: str = ""


_MESSAGES: Final = {
    "UNKNOWN": "unknown error",
    "UNSUPPORTED": "The operation is unsupported.",
    "UNAUTHORIZED": "authentication required",
    "DENIED": "requested access to the resource is denied",
    "UNAVAILABLE": "service unavailable",
    "TOOMANYREQUESTS": "too many requests",
    "DIGEST_INVALID": "provided digest did not match uploaded content",
    "SIZE_INVALID": "provided length did not match content length",
    "NAME_INVALID": "invalid repository name",
    "TAG_INVALID": "manifest tag did not match URI",
    "NAME_UNKNOWN": "repository name not known to registry",
    "MANIFEST_UNKNOWN": "manifest unknown",
    "MANIFEST_INVALID": "manifest invalid",
    "MANIFEST_UNVERIFIED": "manifest failed signature verification",
    "MANIFEST_BLOB_UNKNOWN": "blob unknown to registry",
    "BLOB_UNKNOWN": "blob unknown to registry",
    "BLOB_UPLOAD_UNKNOWN": "blob upload unknown to registry",
    "BLOB_UPLOAD_INVALID": "blob upload invalid",
}


def refusal(status: int, headers: Mapping[str, str], challenges: Iterable[str], body: bytes) -> Refused:
    """The meaning of an answer whose status is not one of success, as Docker's client finds it."""
    retry_after = headers.get("Retry-After", "")
    if not 400 <= status < 500:
        return Refused(f"received unexpected HTTP status: {status_line(status)}", status, retry_after=retry_after)
    details = (*_from_challenges(parse_challenges(challenges)), *_from_body(status, body))
    if not details and status == http.HTTPStatus.UNAUTHORIZED:
        details = (_detail("UNAUTHORIZED"),)
    if details:
        return Refused(str(details[0]), status, details, retry_after)
    return Refused(_unreadable(status, body), status, retry_after=retry_after)


def status_line(status: int) -> str:
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def quoted(text: str) -> str:
    """As Go's ``%q``."""
    return json.dumps(text, ensure_ascii=False)


def printable(text: str) -> str:
    """A server's words without what would move a terminal's cursor, and not without end."""
    clean = "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text[:_LONGEST_TEXT])
    return clean + "..." if len(text) > _LONGEST_TEXT else clean


def _detail(code: str, message: str = "") -> Detail:
    code = printable(code) or "UNKNOWN"
    return Detail(code, printable(message) or _MESSAGES.get(code, code.lower().replace("_", " ")))


def _from_challenges(challenges: Iterable[Challenge]) -> tuple[Detail, ...]:
    """RFC 6750 section 3.1: a bearer challenge says what was wrong with the token."""
    codes = {"invalid_token": "UNAUTHORIZED", "insufficient_scope": "DENIED"}
    for challenge in challenges:
        if challenge.scheme == "bearer" and (code := codes.get(challenge.parameters.get("error", ""))):
            return (_detail(code, challenge.parameters.get("error_description", "")),)
    return ()


def _from_body(status: int, body: bytes) -> tuple[Detail, ...]:
    try:
        answer = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
    if answer.details:
        codes = {401: "UNAUTHORIZED", _TOO_MANY_REQUESTS: "TOOMANYREQUESTS"}
        return (_detail(codes.get(status, "UNKNOWN"), answer.details),)
    return tuple(_detail(entry.code, entry.message) for entry in answer.errors)


def _unreadable(status: int, body: bytes) -> str:
    text = printable(body.decode(errors="replace"))
    try:
        msgspec.json.decode(body)
        reason = "no error details found in HTTP response body"
    except (msgspec.DecodeError, UnicodeDecodeError):
        reason = "unexpected end of JSON input"
        if first := text.strip()[:1]:
            reason = f"invalid character '{first}' looking for beginning of value"
    return f"error parsing HTTP {status} response body: {reason}: {quoted(text)}"
