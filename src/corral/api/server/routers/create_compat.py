"""What older API versions meant by a create request, said in the newest version's words."""

from __future__ import annotations

from corral.api.server.version import ApiVersion
from corral.api.types.container import ContainerCreateRequest
from corral.api.types.endpoint import EndpointSettings
from corral.api.types.host_config import HostConfig
from corral.api.types.wire import UNSET, replace
from corral.errors import Invalid

__all__ = ["adapt_create"]


def adapt_create(request: ContainerCreateRequest, version: ApiVersion) -> tuple[ContainerCreateRequest, list[str]]:
    """The adapted request, and warnings for the client. Raises Invalid."""
    host, warnings = request.host_config, list[str]()
    if version < (1, 41) and not host.cgroupns_mode:
        host = replace(host, cgroupns_mode="host")
    if version < (1, 42) and host.console_size != (0, 0):
        host = replace(host, console_size=(0, 0))
    if version < (1, 43) and host.annotations:
        host = replace(host, annotations=UNSET)
    if host is not request.host_config:
        request = replace(request, host_config=host)
    if request.mac_address:
        request = _move_mac_address(request, request.mac_address)
        if version >= (1, 44):
            warnings.append(
                "The container-wide MacAddress field is now deprecated. "
                "It should be specified in EndpointsConfig instead."
            )
    return request, warnings


def _move_mac_address(request: ContainerCreateRequest, mac: str) -> ContainerCreateRequest:
    """Until 1.43 the address belonged to the container; now it belongs to its end of the main network."""
    network = _main_network(request.host_config)
    if network in ("none", "host") or network.startswith("container:"):
        raise Invalid(f"conflicting options: mac-address and the network mode {network!r}")
    endpoints = dict(request.networking_config.endpoints_config or {})
    settings = endpoints.get(network) or EndpointSettings()
    if settings.mac_address and settings.mac_address != mac:
        raise Invalid(
            "the container-wide MAC address must match the endpoint-specific MAC address for the main network, "
            "or be left empty"
        )
    endpoints[network] = replace(settings, mac_address=mac)
    return replace(request, networking_config=replace(request.networking_config, endpoints_config=endpoints))


def _main_network(host: HostConfig) -> str:
    return "bridge" if host.network_mode in ("", "default") else host.network_mode
