"""Networks: list and inspect, create, connect and disconnect, prune."""

from __future__ import annotations

from corral.api.types.common import NO_TIME
from corral.api.types.endpoint import EndpointSettings
from corral.api.types.wire import UNSET, UnsetType, Wire, field

__all__ = [
    "IPAM",
    "ConfigReference",
    "IPAMConfig",
    "NetworkConnectRequest",
    "NetworkContainer",
    "NetworkCreateRequest",
    "NetworkCreateResponse",
    "NetworkDisconnectRequest",
    "NetworkInspect",
    "NetworksPruneReport",
]


class IPAMConfig(Wire):
    """One subnet. ``auxiliary_addresses``: addresses in it that the host uses, by any name."""

    subnet: str | UnsetType = UNSET
    ip_range: str | UnsetType = field(default=UNSET, name="IPRange")
    gateway: str | UnsetType = UNSET
    auxiliary_addresses: dict[str, str] | UnsetType | None = UNSET


class IPAM(Wire):
    driver: str = "default"
    options: dict[str, str] | None = None
    config: list[IPAMConfig] | None = None


class ConfigReference(Wire):
    network: str = ""


class NetworkContainer(Wire):
    """A container's addresses, with prefix lengths ("172.17.0.2/16")."""

    name: str = ""
    endpoint_id: str = field(default="", name="EndpointID")
    mac_address: str = ""
    ipv4_address: str = field(default="", name="IPv4Address")
    ipv6_address: str = field(default="", name="IPv6Address")


class NetworkInspect(Wire):
    """Of inspect and of list; in a list ``containers`` is always {}."""

    name: str = ""
    id: str = ""
    created: str = NO_TIME
    scope: str = "local"
    driver: str = ""
    enable_ipv4: bool = field(default=True, name="EnableIPv4")
    enable_ipv6: bool = field(default=False, name="EnableIPv6")
    ipam: IPAM = field(default_factory=IPAM, name="IPAM")
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_from: ConfigReference = field(default_factory=ConfigReference)
    config_only: bool = False
    containers: dict[str, NetworkContainer] | None = {}
    options: dict[str, str] | None = {}
    labels: dict[str, str] | None = {}


class NetworkCreateRequest(Wire):
    name: str = ""
    driver: str = ""
    scope: str = ""
    enable_ipv4: bool | UnsetType | None = field(default=UNSET, name="EnableIPv4")
    enable_ipv6: bool | UnsetType | None = field(default=UNSET, name="EnableIPv6")
    ipam: IPAM | None = field(default=None, name="IPAM")
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_only: bool = False
    config_from: ConfigReference | None = None
    options: dict[str, str] | None = None
    labels: dict[str, str] | None = None


class NetworkCreateResponse(Wire):
    id: str = ""
    warning: str = ""


class NetworkConnectRequest(Wire):
    container: str = ""
    endpoint_config: EndpointSettings | UnsetType | None = UNSET


class NetworkDisconnectRequest(Wire):
    container: str = ""
    force: bool = False


class NetworksPruneReport(Wire):
    networks_deleted: list[str] | None = None
