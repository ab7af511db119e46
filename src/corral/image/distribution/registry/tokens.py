"""Bearer tokens: fetched from the server that a challenge names, kept until they expire.

Two ways, as in distribution's documentation (auth/token.md, auth/oauth.md): GET with Basic credentials or none, and an
OAuth2 POST when there is an identity token. Each wanted set of scopes has a token of its own; whoever wants the same
one meanwhile waits for the one request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from corral.image.distribution.registry.credentials import Credentials
from corral.image.distribution.registry.faults import Nonsense, Unauthenticated
from corral.image.distribution.registry.scopes import merge

CLIENT_ID: Final = "docker"
_SHORTEST: Final = 60
"""Seconds that a token lives at least, whatever its server says: older servers say nothing."""
_LONGEST: Final = 24 * 3600
_MOST: Final = 1024

Fetch = Callable[[str, str, dict[str, str], bytes | None], Awaitable[bytes]]
"""(method, url, headers, body) -> the body of a successful answer."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where a token comes from and what it is for."""

    realm: str
    service: str
    scopes: tuple[str, ...]
    credentials: Credentials
    offline: bool = False
    """An identity token is wanted too."""


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    value: str
    identity_token: str
    expires: float
    """By the monotonic clock."""


class _Answer(msgspec.Struct):
    token: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    expires_in: float | None = None


class Tokens:
    def __init__(self) -> None:
        self._tokens: dict[Wanted, Token] = {}
        self._locks: dict[Wanted, asyncio.Lock] = {}

    async def get(self, wanted: Wanted, fetch: Fetch, *, instead_of: str = "") -> Token:
        """``instead_of``: a token that the registry refused. Raises Fault."""
        lock = self._locks.setdefault(wanted, asyncio.Lock())
        async with lock:
            token = self._tokens.get(wanted)
            if token is None or token.expires <= time.monotonic() or token.value == instead_of:
                self._tokens.pop(wanted, None)
                try:
                    token = await _fetch(wanted, fetch)
                except BaseException:
                    self._locks.pop(wanted, None)
                    raise
                self._forget_old()
                self._tokens[wanted] = token
            return token

    def forget(self, credentials: Credentials) -> None:
        """All that were made of ``credentials``."""
        for wanted in [wanted for wanted in self._tokens if wanted.credentials == credentials]:
            del self._tokens[wanted]

    def _forget_old(self) -> None:
        now = time.monotonic()
        if len(self._tokens) < _MOST:
            return
        for wanted in [wanted for wanted, token in self._tokens.items() if token.expires <= now] or [*self._tokens]:
            del self._tokens[wanted]
            self._locks.pop(wanted, None)


async def _fetch(wanted: Wanted, fetch: Fetch) -> Token:
    method, url, headers, body = describe(wanted)
    content = await fetch(method, url, headers, body)
    try:
        answer = msgspec.json.decode(content, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Nonsense("unable to decode token response") from None
    value = answer.access_token or answer.token or ""
    if not value:
        raise Unauthenticated("authorization server did not include a token in the response")
    if any(not 0x20 < ord(c) < 0x7F for c in value):
        raise Nonsense("unable to decode token response: the token is no token")
    lifetime = min(max(answer.expires_in or 0, _SHORTEST), _LONGEST)
    return Token(value, answer.refresh_token or "", time.monotonic() + 0.9 * lifetime)


def describe(wanted: Wanted) -> tuple[str, str, dict[str, str], bytes | None]:
    """The request for a token: method, URL, headers, body."""
    credentials = wanted.credentials
    scopes = merge(wanted.scopes)
    if credentials.identity_token:
        form = {
            "scope": " ".join(scopes),
            "service": wanted.service,
            "client_id": CLIENT_ID,
            "grant_type": "refresh_token",
            "refresh_token": credentials.identity_token,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return "POST", wanted.realm, headers, urlencode(form).encode()
    parts = urlsplit(wanted.realm)
    query = parse_qsl(parts.query, keep_blank_values=True)
    if wanted.service:
        query.append(("service", wanted.service))
    query += [("scope", scope) for scope in scopes]
    if wanted.offline:
        query += [("offline_token", "true"), ("client_id", CLIENT_ID)]
    headers = {}
    if credentials.has_basic:
        query.append(("account", credentials.username))
        headers["Authorization"] = credentials.basic
    return "GET", urlunsplit(parts._replace(query=urlencode(sorted(query, key=lambda item: item[0])))), headers, None
