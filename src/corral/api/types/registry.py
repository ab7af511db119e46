"""Registries: who we are to them, and what they answer."""

from __future__ import annotations

from corral.api.types.image import Descriptor, DescriptorPlatform
from corral.api.types.wire import LowerWire, Wire, field

__all__ = ["AuthConfig", "AuthResponse", "DistributionInspect", "SearchResult"]


class AuthConfig(LowerWire, rename="lower"):
    """An account. ``identity_token`` and ``registry_token`` stand in for the password."""

    username: str = ""
    password: str = ""
    auth: str = ""
    email: str = ""
    server_address: str = field(name="serveraddress", default="")
    identity_token: str = field(name="identitytoken", default="")
    registry_token: str = field(name="registrytoken", default="")

    def __repr__(self) -> str:
        return f"AuthConfig({self.username!r}, server_address={self.server_address!r})"


class AuthResponse(Wire):
    identity_token: str = ""
    status: str = ""


class DistributionInspect(Wire):
    descriptor: Descriptor
    platforms: list[DescriptorPlatform]


class SearchResult(LowerWire, rename=None):
    star_count: int = 0
    is_official: bool = False
    name: str = ""
    is_automated: bool = False
    description: str = ""
