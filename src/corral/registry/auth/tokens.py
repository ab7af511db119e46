"""Bearer tokens: JSON Web Tokens that this server signs for itself (HS256), with a key that stays in its root.

An access token says who somebody is and what they asked for and got, for some minutes. A refresh token says who
somebody is, for a month, or until the password changes: docker keeps it in place of the password if it asked for one.
No other algorithm is accepted on the way in, least of all "none".

Source: RFC 7519 (claims), RFC 7515 (compact form); the claim ``access`` is that of Docker's registry.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from corral.errors import Unauthorized

__all__ = ["Claims", "Grant", "Signer", "load_key"]

_HEADER: Final = {"alg": "HS256", "typ": "JWT"}
_SKEW: Final = 30
"""Seconds that clocks of two servers with one key may differ."""
_LONGEST: Final = 16 << 10


class Grant(msgspec.Struct, frozen=True):
    """One thing that was asked for, and what may be done with it."""

    type: str
    name: str
    actions: list[str]


class Claims(msgspec.Struct, frozen=True):
    """``sub`` is empty for who has not signed in; ``use`` is access or refresh; times are seconds since the epoch."""

    iss: str
    sub: str
    aud: str
    exp: int
    nbf: int
    iat: int
    jti: str
    use: str = "access"
    access: list[Grant] = []
    fingerprint: str = ""


class _Header(msgspec.Struct, frozen=True):
    alg: str = ""


@dataclass(frozen=True, slots=True)
class Signer:
    """``service`` is who the tokens are for, ``lifetime`` seconds of an access token."""

    key: bytes
    service: str
    lifetime: int = 300
    refresh_lifetime: int = 30 * 86400

    def access(self, user: str, grants: list[Grant]) -> str:
        return self._sign(self._claims(user, self.lifetime, access=grants))

    def refresh(self, user: str, fingerprint: str) -> str:
        return self._sign(self._claims(user, self.refresh_lifetime, use="refresh", fingerprint=fingerprint))

    def _claims(
        self, user: str, lifetime: int, *, use: str = "access", access: list[Grant] | None = None, fingerprint: str = ""
    ) -> Claims:
        now = int(time.time())
        return Claims(
            iss=self.service,
            sub=user,
            aud=self.service,
            exp=now + lifetime,
            nbf=now,
            iat=now,
            jti=secrets.token_hex(8),
            use=use,
            access=access or [],
            fingerprint=fingerprint,
        )

    def _sign(self, claims: Claims) -> str:
        signed = _encode(json.dumps(_HEADER).encode()) + "." + _encode(msgspec.json.encode(claims))
        return f"{signed}.{_encode(self._signature(signed))}"

    def _signature(self, signed: str) -> bytes:
        return hmac.digest(self.key, signed.encode(), "sha256")

    def read(self, token: str, use: str = "access") -> Claims:
        """Raises Unauthorized with the reason."""
        signed, _, signature = token.rpartition(".")
        header, _, payload = signed.partition(".")
        if len(token) > _LONGEST or not payload:
            raise Unauthorized("the token is malformed")
        try:
            if msgspec.json.decode(_decode(header), type=_Header).alg != "HS256":
                raise Unauthorized("the token's algorithm is not HS256")
            if not hmac.compare_digest(self._signature(signed), _decode(signature)):
                raise Unauthorized("the token's signature is wrong")
            claims = msgspec.json.decode(_decode(payload), type=Claims)
        except (msgspec.DecodeError, UnicodeError, binascii.Error, ValueError, RecursionError):
            raise Unauthorized("the token is malformed") from None
        now = time.time()
        if claims.exp + _SKEW < now:
            raise Unauthorized("the token has expired")
        if claims.nbf - _SKEW > now:
            raise Unauthorized("the token is not valid yet")
        if claims.aud != self.service or claims.iss != self.service or claims.use != use:
            raise Unauthorized("the token is for something else")
        return claims


def load_key(path: Path) -> bytes:
    """The key at ``path``, made the first time."""
    with contextlib.suppress(FileNotFoundError):
        if key := path.read_bytes():
            return key
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, os.urandom(32))
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(temporary, path)
    return path.read_bytes()


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
