"""corral login."""

from __future__ import annotations

import os
import sys

from corral.cli.command import Command
from corral.cli.credentials.account import HUB, Account, key_of
from corral.cli.credentials.header import auth_config
from corral.cli.credentials.keeper import Keeper
from corral.cli.errors import CliError
from corral.cli.flags import Flag, Options
from corral.cli.kinds import BOOL, STRING
from corral.cli.output import error_line
from corral.cli.session import Session
from corral.client.errors import ApiError
from corral.client.registries import Registries

_INSECURE = "WARNING! Using --password via the CLI is insecure. Use --password-stdin."
_UNENCRYPTED = """
WARNING! Your credentials are stored unencrypted in '{path}'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/
"""
_KNOWN = """Authenticating with existing credentials... [Username: {name}]

 Info -> To login with a different account, run 'corral logout' followed by 'corral login'

"""
_HUB = """Log in with your Docker ID or email address to push and pull images from Docker Hub.
If you don't have a Docker ID, head over to https://hub.docker.com/ to create one.
You can log in with your password or a Personal Access Token (PAT)."""


def run(session: Session, options: Options, args: list[str]) -> int:
    key = key_of(args[0] if args else "")
    username, password = _given(options)
    keeper = Keeper(session.config)
    registries = Registries(session.api)
    known = keeper.get(key) if not username and not password else Account()
    if known:
        error_line(_KNOWN.format(name=known.username or "<token>"))
        try:
            return _log_in(session, registries, keeper, key, known)
        except ApiError as error:
            if error.status not in (401, 500):
                raise
            error_line(f"Stored credentials invalid or expired\n{error}")
    return _log_in(session, registries, keeper, key, _asked(key, username or known.username, password))


def _given(options: Options) -> tuple[str, str]:
    """User and password of the flags. Raises CliError in docker's words."""
    username, password = options.text("username"), options.text("password")
    if "username" in options.changed and not username:
        raise CliError("username is empty")
    if "password" in options.changed:
        if options.switch("password-stdin"):
            raise CliError("conflicting options: cannot specify both --password and --password-stdin")
        if not password:
            raise CliError("password is empty")
        error_line(_INSECURE)
    if options.switch("password-stdin"):
        if not username:
            raise CliError("the --password-stdin option requires --username to be set")
        password = sys.stdin.buffer.read().decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
        if not password:
            raise CliError("password is empty")
    return username, password


def _asked(key: str, username: str, password: str) -> Account:
    """What is missing is asked for. Raises CliError."""
    if (not username or not password) and not os.isatty(0):
        raise CliError("Error: Cannot perform an interactive login from a non TTY device")
    if not username:
        if key == HUB:
            error_line(_HUB)
        username = input("Username: ").strip()
        if not username:
            raise CliError("username is required")
    if not password:
        import getpass

        password = getpass.getpass("Password: ")
        if not password:
            raise CliError("password is required")
    return Account(username, password)


def _log_in(session: Session, registries: Registries, keeper: Keeper, key: str, account: Account) -> int:
    answer = registries.login(auth_config(account, key))
    token = answer.get("IdentityToken", "")
    if keeper.put(key, Account(account.username, "", token) if token else account):
        error_line(_UNENCRYPTED.format(path=keeper.file.path))
    session.out.line(answer.get("Status") or "Login Succeeded")
    return 0


COMMAND = Command(
    run,
    arguments="[SERVER]",
    flags=(
        Flag("password", "p", STRING, "Password or Personal Access Token (PAT)"),
        Flag("password-stdin", "", BOOL, "Take the Password or Personal Access Token (PAT) from stdin"),
        Flag("username", "u", STRING, "Username"),
    ),
    most=1,
)
