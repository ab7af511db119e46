"""Who a request is made for. Nothing in here is ever printed: ``repr`` names only what is set."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

_HIDDEN = "xxxxx"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What ``docker login`` keeps for one registry, the fields of the API's AuthConfig.

    ``identity_token`` is an OAuth2 refresh token, from which access tokens are made; ``registry_token`` is an access
    token that is sent as it is.
    """

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""

    def __bool__(self) -> bool:
        return bool(self.username or self.password or self.identity_token or self.registry_token)

    def __repr__(self) -> str:
        kinds = [name for name in ("password", "identity_token", "registry_token") if getattr(self, name)]
        return f"Credentials({', '.join([repr(self.username), *kinds])})"

    @property
    def has_basic(self) -> bool:
        return bool(self.username and self.password)

    @property
    def basic(self) -> str:
        """The value of an ``Authorization`` header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any text."""
        secrets = [self.password, self.identity_token, self.registry_token]
        if self.has_basic:
            secrets.append(self.basic.removeprefix("Basic "))
        return tuple(secret for secret in secrets if secret)


ANONYMOUS = Credentials()


def scrub(text: str, secrets: Iterable[str]) -> str:
    """``text`` without any of ``secrets``: registries repeat in their errors what they were sent."""
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    return text
