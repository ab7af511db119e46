"""An account at a registry, and the name that a registry has in ``config.json``."""

from __future__ import annotations

HUB = "https://index.docker.io/v1/"
"""Docker Hub's key, for historical reasons."""

_HUB_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io")


class Account:
    """``identity_token`` replaces the password where the registry gave one."""

    __slots__ = ("identity_token", "password", "username")

    def __init__(self, username: str = "", password: str = "", identity_token: str = "") -> None:
        self.username = username
        self.password = password
        self.identity_token = identity_token

    def __bool__(self) -> bool:
        return bool(self.username or self.password or self.identity_token)


def key_of(server: str) -> str:
    """``server`` as a person wrote it, or an image's domain, as it is called in ``config.json``."""
    server = server.strip()
    if not server or hostname(server) in _HUB_NAMES:
        return HUB
    return hostname(server)


def hostname(server: str) -> str:
    """Without scheme and path: files of old have ``https://host/v1/``."""
    return server.removeprefix("http://").removeprefix("https://").partition("/")[0]
