"""Firewall drivers: what the bridge driver needs of a packet filter.

A network is known by its interface. Adding an endpoint costs nothing; publishing a port is a change of a set's element,
whatever the number of endpoints. Every method is atomic and takes effect before it returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Protocol

__all__ = ["BridgeRules", "Driver", "PublishedPort"]


@dataclass(frozen=True, slots=True)
class BridgeRules:
    """``icc``: containers on the bridge may talk; ``internal``: nothing passes between it and the outside;
    ``loopback``: the kernel routes packets with loopback addresses on this interface."""

    interface: str
    subnet: IPv4Network
    masquerade: bool = True
    icc: bool = True
    internal: bool = False
    loopback: bool = True


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """``host_ip`` 0.0.0.0 for every address of the host."""

    proto: str
    host_ip: IPv4Address
    host_port: int
    address: IPv4Address
    port: int


class Driver(Protocol):
    """All raise OSError with what was attempted. ``filters``: whether it does anything at all."""

    name: str
    filters: bool

    def reset(self, bridges: Sequence[BridgeRules], ports: Sequence[PublishedPort]) -> None:
        """Replaces everything in one step: no packet meets a half-made state. Idempotent."""

    def add_bridge(self, bridge: BridgeRules) -> None:
        """Adds or replaces the rules of a network."""

    def delete_bridge(self, bridge: BridgeRules) -> None:
        """Idempotent."""

    def add_ports(self, ports: Sequence[PublishedPort]) -> None:
        """All or none. Raises FileExistsError when a host port is already translated."""

    def delete_ports(self, ports: Sequence[PublishedPort]) -> None:
        """Idempotent."""

    def clear(self) -> None:
        """Removes everything. Idempotent."""

    def close(self) -> None: ...
