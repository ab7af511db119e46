"""A network as it is recorded, and the typed ids of this room."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Final, NewType

from corral.oci.codec import Codec

__all__ = ["DEFAULT_GATEWAY", "EndpointID", "IpamConfig", "Network", "NetworkID", "SandboxID"]

NetworkID = NewType("NetworkID", str)
EndpointID = NewType("EndpointID", str)
SandboxID = NewType("SandboxID", str)
"""Each 64 lower-case hex digits."""


DEFAULT_GATEWAY: Final = "DefaultGatewayIPv4"
"""The auxiliary address that containers use as their gateway in place of the network's own."""


@dataclass(frozen=True, slots=True)
class IpamConfig:
    """One subnet. ``pool``: the IPAM driver's name for it; ``ip_range``: the part of it that is handed out."""

    subnet: str
    gateway: str
    ip_range: str = ""
    pool: str = ""
    auxiliary: dict[str, str] = field(default_factory=dict)

    @property
    def default_gateway(self) -> str:
        """What containers route through."""
        return self.auxiliary.get(DEFAULT_GATEWAY, self.gateway)

    @property
    def network(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(self.subnet)


@dataclass(frozen=True, slots=True)
class Network:
    """``created`` in nanoseconds since the epoch; ``options`` are the driver's, by Docker's names."""

    id: str
    name: str
    driver: str
    created: int
    scope: str = "local"
    ipam_driver: str = "default"
    ipam_options: dict[str, str] = field(default_factory=dict)
    ipam: tuple[IpamConfig, ...] = ()
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def predefined(self) -> bool:
        return self.name in ("bridge", "host", "none")

    def to_json(self) -> dict[str, Any]:
        return _CODEC.encode(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Network:
        """Raises ValueError."""
        return _CODEC.decode(data)


_CODEC: Final = Codec.of(Network)
