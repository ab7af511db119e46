"""What ``docker info`` says about registries and the way to them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from corral.api.types.system import IndexInfo, RegistryConfig

__all__ = ["registry_config", "shown_proxy"]

_HUB: Final = "docker.io"
_LOOPBACK: Final = ("::1/128", "127.0.0.0/8")


def registry_config(mirrors: Sequence[str], insecure: Sequence[str]) -> RegistryConfig:
    """``insecure``: CIDRs and HOST[:PORT], perhaps with a scheme."""
    shown = [url.rstrip("/") + "/" for url in mirrors]
    indexes = {_HUB: IndexInfo(mirrors=shown, name=_HUB, official=True, secure=True)}
    ranges = []
    for entry in insecure:
        name = entry.partition("://")[2] or entry
        if "/" in name:
            ranges.append(name)
        else:
            indexes[name] = IndexInfo(name=name)
    return RegistryConfig(index_configs=indexes, insecure_registry_cidrs=[*ranges, *_LOOPBACK], mirrors=shown or None)


def shown_proxy(configured: str, name: str) -> str:
    """``configured``, or what the environment variable ``name`` says, without the password that may be in it."""
    value = configured or os.environ.get(name) or os.environ.get(name.lower()) or ""
    before, at, after = value.rpartition("@")
    scheme, separator, _ = before.partition("://")
    return f"{scheme}{separator}xxxxx:xxxxx@{after}" if at else value
