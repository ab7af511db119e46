"""What the daemon is told of an account: the API's ``X-Registry-Auth``."""

from __future__ import annotations

import base64
import json

from corral.cli.config import Config
from corral.cli.credentials.account import Account, key_of
from corral.cli.credentials.keeper import Keeper


def for_image(config: Config, name: str) -> str:
    """The header for the registry of an image, "" when nothing is known of it. Raises CliError."""
    if not config.has_accounts:
        return ""
    first, slash, _ = name.partition("/")
    domain = first if slash and ("." in first or ":" in first or first == "localhost") else ""
    return for_server(config, domain)


def for_server(config: Config, server: str) -> str:
    """As `for_image`, for a registry by its name."""
    if not config.has_accounts:
        return ""
    key = key_of(server)
    account = Keeper(config).get(key)
    return encode(account, key) if account else ""


def encode(account: Account, key: str) -> str:
    fields = auth_config(account, key)
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode("ascii")


def auth_config(account: Account, key: str) -> dict[str, str]:
    """As the API has it."""
    fields = {
        "username": account.username,
        "password": account.password,
        "serveraddress": key,
        "identitytoken": account.identity_token,
    }
    return {name: value for name, value in fields.items() if value}
