"""Ports, host names and what contradicts a network mode."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from corral.api.types.container import ContainerCreateRequest
from corral.api.types.host_config import HostConfig
from corral.engine.container.modes import container_of
from corral.engine.spec.host import HostFacts
from corral.errors import Invalid

__all__ = ["check", "parse_port", "parse_port_range", "warnings"]

_PROTOCOLS: Final = ("tcp", "udp", "sctp")
_PORT: Final = re.compile(r"\d{1,5}")
HOST_GATEWAY: Final = "host-gateway"


def check(request: ContainerCreateRequest) -> None:
    given = request.host_config
    for port in request.exposed_ports or ():
        parse_port_range(port)
    for port, bindings in (given.port_bindings or {}).items():
        parse_port(port)
        for binding in bindings or ():
            _check_binding(binding.host_ip, binding.host_port)
    for entry in given.extra_hosts or ():
        _check_extra_host(entry)
    for server in given.dns or ():
        _check_address(server, "invalid IP address: {}")
    _check_conflicts(request, given)


def parse_port(text: str) -> tuple[int, str]:
    """ "80/tcp" -> (80, "tcp"). Raises Invalid."""
    first, last, protocol = parse_port_range(text)
    if first != last:
        raise Invalid(f"invalid port specification: {text}")
    return first, protocol


def parse_port_range(text: str) -> tuple[int, int, str]:
    """ "80-90/udp" -> (80, 90, "udp"). Raises Invalid."""
    ports, _, protocol = text.partition("/")
    protocol = protocol.lower() or "tcp"
    first, _, last = ports.partition("-")
    if protocol not in _PROTOCOLS:
        raise Invalid(f"invalid proto: {protocol}")
    if not _PORT.fullmatch(first) or not _PORT.fullmatch(last or first):
        raise Invalid(f"invalid port specification: {text}")
    low, high = int(first), int(last or first)
    if not 0 < low <= high <= 65535:
        raise Invalid(f"invalid port specification: {text}")
    return low, high, protocol


def _check_binding(host_ip: str, host_port: str) -> None:
    if host_ip:
        _check_address(host_ip, "invalid IP address: {}")
    first, _, last = host_port.partition("-")
    if host_port and (
        not _PORT.fullmatch(first)
        or not _PORT.fullmatch(last or first)
        or not int(first) <= int(last or first) <= 65535
    ):
        raise Invalid(f'invalid port specification: "{host_port}"')


def _check_extra_host(entry: str) -> None:
    name, found, address = entry.partition(":")
    if not found or not name:
        raise Invalid(f'bad format for add-host: "{entry}"')
    if address != HOST_GATEWAY:
        _check_address(address.removeprefix("[").removesuffix("]"), 'invalid IP address in add-host: "{}"')


def _check_address(text: str, message: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise Invalid(message.format(text)) from None


def _check_conflicts(request: ContainerCreateRequest, given: HostConfig) -> None:
    if given.uts_mode == "host" and request.hostname:
        raise Invalid("conflicting options: hostname and the UTS mode")
    undefined = "can't be used with links. This would result in undefined behavior"
    if given.network_mode == "host" and given.links:
        raise Invalid(f"conflicting options: host type networking {undefined}")
    if not given.network_mode.startswith("container:"):
        return
    if not container_of(given.network_mode):
        raise Invalid("invalid network mode: invalid container format container:<name|id>")
    conflicts = (
        (request.hostname, "hostname and the network mode"),
        (given.links, f"container type network {undefined}"),
        (given.dns, "dns and the network mode"),
        (given.extra_hosts, "custom host-to-IP mapping and the network mode"),
        (request.mac_address, "mac-address and the network mode"),
        (given.port_bindings or given.publish_all_ports, "port publishing and the container type network mode"),
        (request.exposed_ports, "port exposing and the container type network mode"),
    )
    for present, options in conflicts:
        if present:
            raise Invalid(f"conflicting options: {options}")


def warnings(request: ContainerCreateRequest, host: HostFacts) -> list[str]:
    given = request.host_config
    result = []
    if given.network_mode == "host" and given.port_bindings:
        result.append("Published ports are discarded when using host network mode")
    if not host.ip_forward and given.network_mode not in ("host", "none") and not container_of(given.network_mode):
        result.append("IPv4 forwarding is disabled. Networking will not work.")
    return result
