"""The network side of a start: what is asked of the network room, and how inspect shows what came of it."""

from __future__ import annotations

from corral.api.types.endpoint import EndpointSettings, NetworkSettings
from corral.api.types.host_config import HostConfig, PortBinding
from corral.api.types.wire import replace
from corral.engine.container.checks.network import parse_port, parse_port_range
from corral.engine.container.modes import network_name
from corral.engine.container.record import ContainerRecord
from corral.network.portmap.ports import PortRequest
from corral.network.sandbox import Sandbox, SandboxRequest

__all__ = ["resting_settings", "running_settings", "sandbox_request"]


def sandbox_request(record: ContainerRecord) -> SandboxRequest | None:
    """None when no sandbox is needed: the host's network, or another container's."""
    mode = network_name(record.host_config.network_mode)
    if mode is None:
        return None
    asked = _asked(record, mode)
    address = asked.ipam_config.ipv4_address if asked.ipam_config else ""
    return SandboxRequest(
        container_id=record.id,
        mode=mode,
        ports=() if mode == "none" else port_requests(record),
        mac=asked.mac_address or record.config.mac_address or "",
        ip=address or "",
        hostname=record.config.hostname,
        container_name=record.name,
        aliases=tuple(asked.aliases or ()),
        maps=record.id_maps,
    )


def _asked(record: ContainerRecord, mode: str) -> EndpointSettings:
    endpoints = record.networking.endpoints_config or {}
    return endpoints.get(mode) or endpoints.get("default" if mode == "bridge" else mode) or EndpointSettings()


def port_requests(record: ContainerRecord) -> tuple[PortRequest, ...]:
    """``-p``, and with ``-P`` every exposed port that ``-p`` does not name."""
    host_config = record.host_config
    requests = []
    for port, bindings in (host_config.port_bindings or {}).items():
        number, protocol = parse_port(port)
        for binding in bindings or (PortBinding(),):
            requests.append(PortRequest(protocol, number, binding.host_ip, _range(binding.host_port)))
    if host_config.publish_all_ports:
        named = {(request.proto, request.container_port) for request in requests}
        for port in record.config.exposed_ports or ():
            first, last, protocol = parse_port_range(port)
            requests += [
                PortRequest(protocol, number) for number in range(first, last + 1) if (protocol, number) not in named
            ]
    return tuple(requests)


def _range(host_port: str) -> tuple[int, int] | None:
    if host_port in ("", "0"):
        return None
    first, _, last = host_port.partition("-")
    return int(first), int(last or first)


def resting_settings(record: ContainerRecord) -> NetworkSettings:
    """Without a sandbox: only what was asked for."""
    return NetworkSettings(ports={}, networks=_resting_networks(record.host_config, record))


def _resting_networks(host_config: HostConfig, record: ContainerRecord) -> dict[str, EndpointSettings]:
    if host_config.network_mode == "host":
        return {"host": EndpointSettings()}
    mode = network_name(host_config.network_mode)
    return {} if mode is None else {mode: _asked(record, mode)}


def running_settings(record: ContainerRecord, sandbox: Sandbox | None) -> NetworkSettings:
    """With its addresses and ports, which are final once a start has returned."""
    if sandbox is None:
        return resting_settings(record)
    networks: dict[str, EndpointSettings] = {}
    for endpoint in sandbox.endpoints:
        networks[endpoint.network_name] = replace(
            _asked(record, endpoint.network_name),
            network_id=endpoint.network_id,
            endpoint_id=endpoint.endpoint_id,
            gateway=endpoint.gateway,
            ip_address=endpoint.ip,
            ip_prefix_len=endpoint.prefix_len,
            ipv6_gateway=endpoint.ipv6_gateway,
            global_ipv6_address=endpoint.ipv6,
            global_ipv6_prefix_len=endpoint.ipv6_prefix_len,
            mac_address=endpoint.mac,
        )
    settings = NetworkSettings(
        sandbox_id=sandbox.sandbox_id,
        sandbox_key=str(sandbox.netns or ""),
        ports=_port_map(record, sandbox),
        networks=networks or _resting_networks(record.host_config, record),
    )
    bridge = networks.get("bridge")
    if bridge is None:
        return settings
    return replace(
        settings,
        endpoint_id=bridge.endpoint_id,
        gateway=bridge.gateway,
        ip_address=bridge.ip_address,
        ip_prefix_len=bridge.ip_prefix_len,
        ipv6_gateway=bridge.ipv6_gateway,
        global_ipv6_address=bridge.global_ipv6_address,
        global_ipv6_prefix_len=bridge.global_ipv6_prefix_len,
        mac_address=bridge.mac_address,
    )


def _port_map(record: ContainerRecord, sandbox: Sandbox) -> dict[str, list[PortBinding] | None]:
    """Exposed ports that are not published are null."""
    ports: dict[str, list[PortBinding] | None] = dict.fromkeys(record.config.exposed_ports or ())
    for binding in sandbox.ports:
        key = f"{binding.container_port}/{binding.proto}"
        shown = PortBinding(host_ip=binding.host_ip, host_port=str(binding.host_port))
        ports[key] = [*(ports.get(key) or ()), shown]
    return ports
