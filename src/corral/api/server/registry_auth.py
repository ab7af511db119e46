"""``X-Registry-Auth``: an account, as base64 (URL alphabet) of its JSON. It is never shown and never logged."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from corral.api.server.http.request import Request
from corral.api.types.registry import AuthConfig
from corral.api.types.wire import decode

__all__ = ["HEADER", "registry_auth"]

HEADER: Final = "x-registry-auth"


def registry_auth(request: Request) -> AuthConfig | None:
    """What cannot be read counts as nothing, as with dockerd: clients send odd things for no account."""
    text = request.headers.get(HEADER, "")
    if not text:
        return None
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return decode(content, AuthConfig)
    except (ValueError, binascii.Error):
        return None
