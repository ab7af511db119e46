"""Accounts kept by a program of the user's, ``docker-credential-NAME``: keychains, cloud logins.

Source: the protocol of docker/docker-credential-helpers: an action as argument, the server or JSON on standard input,
JSON on standard output; what is wrong is said on standard output too.
"""

from __future__ import annotations

import json
import subprocess

from corral.cli.credentials.account import Account
from corral.cli.errors import CliError

_PREFIX = "docker-credential-"
_NOT_FOUND = "credentials not found in native keychain"
_TOKEN = "<token>"  # noqa: S105 - the user name that says: the secret is a token


class Helper:
    __slots__ = ("_program",)

    def __init__(self, name: str) -> None:
        self._program = _PREFIX + name

    def get(self, server: str) -> Account:
        """An empty account when there is none. Raises CliError when the program cannot tell."""
        status, answer = self._run("get", server)
        if status:
            if answer.strip() == _NOT_FOUND:
                return Account()
            raise CliError(f"error getting credentials - err: exit status {status}, out: `{answer.strip()}`")
        try:
            fields = json.loads(answer)
            username, secret = str(fields.get("Username", "")), str(fields.get("Secret", ""))
        except (ValueError, AttributeError):
            raise CliError(f"error getting credentials - {self._program} answered with something else") from None
        return Account(identity_token=secret) if username == _TOKEN else Account(username, secret)

    def put(self, server: str, account: Account) -> None:
        """Raises CliError."""
        token = bool(account.identity_token)
        request = {
            "ServerURL": server,
            "Username": _TOKEN if token else account.username,
            "Secret": account.identity_token if token else account.password,
        }
        status, answer = self._run("store", json.dumps(request))
        if status:
            raise CliError(f"error storing credentials - err: exit status {status}, out: `{answer.strip()}`")

    def erase(self, server: str) -> None:
        """Idempotent. Raises CliError."""
        status, answer = self._run("erase", server)
        if status and answer.strip() != _NOT_FOUND:
            raise CliError(f"error erasing credentials - err: exit status {status}, out: `{answer.strip()}`")

    def _run(self, action: str, given: str) -> tuple[int, str]:
        try:
            done = subprocess.run([self._program, action], input=given.encode(), stdout=subprocess.PIPE, check=False)
        except FileNotFoundError:
            raise CliError(
                f'error getting credentials - err: exec: "{self._program}": executable file not found in $PATH, out: ``'
            ) from None
        except OSError as error:
            raise CliError(f"{self._program}: {(error.strerror or '').lower()}") from None
        return done.returncode, done.stdout.decode("utf-8", "replace")
