"""Names and passwords: Apache's htpasswd files, with bcrypt only.

Every other scheme that such a file may hold is refused by its name when the file is read: MD5 and SHA-1 can be guessed
at billions a second. To check a password is slow on purpose (50 ms and more), so what was right once is remembered for
some minutes, as a keyed digest; and at most as many checks run at a time as there are processors.

Source: htpasswd(1), section "Restrictions"; the bcrypt package does the arithmetic.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import re
import time
from importlib import import_module
from typing import Final, Protocol, cast

from corral.errors import Invalid, Unsupported

__all__ = ["Passwords", "parse_htpasswd"]

_BCRYPT: Final = re.compile(r"\$2[abxy]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_OTHERS: Final = (
    ("$apr1$", "apr1 (MD5)"),
    ("$1$", "md5crypt"),
    ("{SHA}", "SHA-1"),
    ("{SSHA}", "salted SHA-1"),
    ("$5$", "sha256crypt"),
    ("$6$", "sha512crypt"),
    ("$y$", "yescrypt"),
    ("$argon2", "argon2"),
)
_LONGEST: Final = 72
"""Bytes of a password that bcrypt looks at, here as in Apache's implementation."""
_REMEMBERED: Final = 300.0
_ROUNDS: Final = 10
_NOBODY: Final = "$2b$10$7EqJtq98hPqEX7fNZaFWoOhi0xX6mCJEyJBxqZ5GqKqNcVXQ8kCqO"
"""What an unknown name is checked against, so that it takes as long as a known one."""


class _Bcrypt(Protocol):
    def checkpw(self, password: bytes, hashed_password: bytes) -> bool: ...

    def hashpw(self, password: bytes, salt: bytes) -> bytes: ...

    def gensalt(self, rounds: int) -> bytes: ...


def parse_htpasswd(text: str, path: str) -> dict[str, str]:
    """Hash by name. Raises Invalid naming file, line and user, never a hash."""
    users: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, colon, hashed = line.partition(":")
        if not colon or not name:
            raise Invalid(f"{path}:{number}: a line is written NAME:HASH")
        if not _BCRYPT.fullmatch(hashed):
            scheme = next((shown for prefix, shown in _OTHERS if hashed.startswith(prefix)), "crypt or plain text")
            if hashed.startswith("$2"):
                scheme = "a damaged bcrypt hash"
            raise Invalid(f"{path}:{number}: the password of {name} is {scheme}: only bcrypt is accepted (htpasswd -B)")
        users[name] = hashed
    return users


def new_line(user: str, password: str) -> str:
    """A line of such a file. Raises Invalid or Unsupported."""
    if not user or ":" in user or not user.isprintable():
        raise Invalid(f"invalid user name {user!r}")
    secret = password.encode()
    if not secret or b"\0" in secret or len(secret) > _LONGEST:
        raise Invalid(f"a password has 1 to {_LONGEST} bytes and no NUL")
    bcrypt = _package()
    return f"{user}:{bcrypt.hashpw(secret, bcrypt.gensalt(_ROUNDS)).decode()}"


def _package() -> _Bcrypt:
    try:
        return cast(_Bcrypt, import_module("bcrypt"))
    except ImportError:
        raise Unsupported("passwords need the bcrypt package: pip install 'corral[registry]'") from None


class Passwords:
    """Raises Unsupported when the bcrypt package is missing."""

    def __init__(self, users: dict[str, str]) -> None:
        self.users = users
        self._bcrypt = _package()
        self._key = os.urandom(32)
        self._known: dict[bytes, float] = {}
        self._turns = asyncio.Semaphore(os.cpu_count() or 1)

    def replace(self, users: dict[str, str]) -> None:
        self.users = users
        self._known.clear()

    def fingerprint(self, user: str) -> str:
        """Changes with the user's password; empty when there is no such user."""
        hashed = self.users.get(user)
        return hashlib.sha256(hashed.encode()).hexdigest()[:16] if hashed else ""

    async def check(self, user: str, password: str) -> bool:
        hashed = self.users.get(user, _NOBODY)
        secret = password.encode()
        mark = hmac.digest(self._key, b"\0".join((user.encode(), secret, hashed.encode())), "sha256")
        now = time.monotonic()
        if self._known.get(mark, 0.0) > now:
            return True
        async with self._turns:
            right = await asyncio.to_thread(self._is_right, secret, hashed)
        if not right or user not in self.users:
            return False
        if len(self._known) >= 10_000:
            self._known.clear()
        self._known[mark] = now + _REMEMBERED
        return True

    def _is_right(self, password: bytes, hashed: str) -> bool:
        try:
            return self._bcrypt.checkpw(password[:_LONGEST], hashed.encode())
        except ValueError:  # a NUL in the password
            return False
