"""Namespace modes of a HostConfig: "host", "container:REF" and their kin."""

from __future__ import annotations

from typing import Final

from corral.api.types.host_config import HostConfig

__all__ = ["container_of", "joined", "network_name"]

_PREFIX: Final = "container:"


def container_of(mode: str) -> str | None:
    """The reference in ``container:REF``, else None."""
    return mode.removeprefix(_PREFIX) if mode.startswith(_PREFIX) else None


def joined(host_config: HostConfig) -> dict[str, str]:
    """Which other container's namespaces are joined: "network", "pid" or "ipc" -> reference."""
    modes = {"network": host_config.network_mode, "pid": host_config.pid_mode, "ipc": host_config.ipc_mode}
    return {kind: ref for kind, mode in modes.items() if (ref := container_of(mode)) is not None}


def network_name(mode: str) -> str | None:
    """The network that the network room is asked for; None when there is nothing to ask (host, another container)."""
    if mode == "host" or container_of(mode) is not None:
        return None
    return "bridge" if mode in ("", "default") else mode
