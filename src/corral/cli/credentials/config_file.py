"""Accounts in ``config.json`` itself: base64 of ``user:password``, which hides nothing.

The file is docker's and holds much that is not ours: it is read anew before each change, everything else in it stays,
and the new file replaces the old one in one rename.
"""

from __future__ import annotations

import base64
import binascii
import json
import os

from corral.cli.credentials.account import Account, hostname
from corral.cli.errors import CliError


class ConfigFile:
    """``path`` need not exist."""

    __slots__ = ("path",)

    def __init__(self, directory: str) -> None:
        self.path = os.path.join(directory, "config.json")

    def get(self, key: str) -> Account:
        """An empty account when there is none."""
        auths = self._auths(self._read())
        entry = auths.get(key)
        if entry is None:
            wanted = hostname(key)
            entry = next((value for name, value in auths.items() if hostname(name) == wanted), None)
        return _account(entry) if isinstance(entry, dict) else Account()

    def put(self, key: str, account: Account, *, secret: bool) -> bool:
        """Whether that is news. Without ``secret`` only that there is an account: a helper has the rest."""
        values = self._read()
        entry: dict[str, object] = {}
        if secret:
            if account.username or account.password:
                pair = f"{account.username}:{account.password}".encode()
                entry["auth"] = base64.b64encode(pair).decode("ascii")
            if account.identity_token:
                entry["identitytoken"] = account.identity_token
        auths = self._auths(values)
        if auths.get(key) == entry:
            return False
        self._write({**values, "auths": {**auths, key: entry}})
        return True

    def erase(self, keys: list[str]) -> bool:
        """Whether there was one. Nothing is written when not."""
        values = self._read()
        auths = self._auths(values)
        left = {name: value for name, value in auths.items() if name not in keys}
        if len(left) == len(auths):
            return False
        self._write({**values, "auths": left})
        return True

    def _auths(self, values: dict[str, object]) -> dict[str, object]:
        auths = values.get("auths")
        return auths if isinstance(auths, dict) else {}

    def _read(self) -> dict[str, object]:
        """Raises CliError when there is a file that cannot be understood: it must not be overwritten."""
        try:
            with open(self.path, "rb") as file:
                values = json.load(file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise CliError(f"Error loading config file: {self.path}: {error}") from None
        if not isinstance(values, dict):
            raise CliError(f"Error loading config file: {self.path}: not an object")
        return values

    def _write(self, values: dict[str, object]) -> None:
        target = os.path.realpath(self.path)
        partial = f"{target}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
            mode = os.stat(target).st_mode & 0o777 if os.path.exists(target) else 0o600
            fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(fd, "w", encoding="utf-8") as file:
                os.fchmod(fd, mode)
                json.dump(values, file, indent="\t", ensure_ascii=False)
            os.rename(partial, target)
        except OSError as error:
            raise CliError(f"Error saving credentials: {self.path}: {(error.strerror or '').lower()}") from None


def _account(entry: dict[str, object]) -> Account:
    account = Account(_text(entry, "username"), _text(entry, "password"), _text(entry, "identitytoken"))
    encoded = _text(entry, "auth")
    if encoded:
        try:
            pair = base64.b64decode(encoded, validate=True).decode("utf-8", "surrogateescape")
        except (ValueError, binascii.Error):
            return account
        account.username, _, password = pair.partition(":")
        account.password = password.strip("\0")
    return account


def _text(entry: dict[str, object], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""
