"""What the daemon's configuration says about transfers; all of it may change while the daemon runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from corral.image.distribution.registry import RegistryConfig

__all__ = ["TransferSettings"]


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """``downloads`` and ``uploads``: how many layers at once, of all requests together."""

    registries: RegistryConfig = field(default_factory=RegistryConfig)
    downloads: int = 3
    uploads: int = 5
