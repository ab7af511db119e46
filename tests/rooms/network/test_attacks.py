"""Attacks on and through the default bridge, with controls that show that the attack as such works."""

from __future__ import annotations

import ipaddress
import socket
import struct
from pathlib import Path

import pytest

from corral.network.controller import NetworkService
from corral.network.firewall.nftables import NftablesFirewall
from support.netlab import HOST, NEIGHBOUR, Lab
from support.network_room import Host, netns, request, tcp

pytestmark = pytest.mark.requires("root", "namespaces")

_LOOPBACK = "127.0.0.1"


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def _datagram(source: str, destination: str, port: int) -> bytes:
    payload = b"attack"
    udp = struct.pack(">4H", 4444, port, 8 + len(payload), 0) + payload
    addresses = ipaddress.IPv4Address(source).packed + ipaddress.IPv4Address(destination).packed
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + addresses
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:] + udp


def _send(lab: Lab, where: int | Path, mac: bytes, packet: bytes) -> None:
    """As root of a container, or of a machine on the same wire, can: straight onto the interface."""

    def send() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as wire:
            wire.sendto(packet, ("eth0", 0x0800, 0, 0, mac))

    lab.inside(where, send)


def _listen(lab: Lab, where: int | Path, host: str, port: int) -> socket.socket:
    def bind() -> socket.socket:
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind((host, port))
        bound.settimeout(0.3)
        return bound

    return lab.inside(where, bind)


def _hears(bound: socket.socket) -> bool:
    try:
        return bound.recv(100) == b"attack"
    except TimeoutError:
        return False


def _without_protection() -> None:
    """The kernel settings stay; the rules go."""
    firewall = NftablesFirewall("corral")
    firewall.clear()
    firewall.close()


async def test_cve_2020_8558_a_container_reaches_no_loopback_service_of_the_host(
    host: Host, service: NetworkService
) -> None:
    attacker = netns(await service.allocate(request(1)))
    bridge = host.lab.interfaces()["corral0"].address
    packet = _datagram("172.17.0.2", _LOOPBACK, 9999)
    with _listen(host.lab, host.lab.host, _LOOPBACK, 9999) as victim:
        _send(host.lab, attacker, bridge, packet)
        assert not _hears(victim)
        _without_protection()
        _send(host.lab, attacker, bridge, packet)
        assert _hears(victim)


async def test_cve_2020_8558_a_container_cannot_pretend_to_be_the_host(host: Host, service: NetworkService) -> None:
    attacker = netns(await service.allocate(request(1)))
    bridge = host.lab.interfaces()["corral0"].address
    packet = _datagram(_LOOPBACK, "172.17.0.1", 9999)
    with _listen(host.lab, host.lab.host, "172.17.0.1", 9999) as victim:
        _send(host.lab, attacker, bridge, packet)
        assert not _hears(victim)
        _send(host.lab, attacker, bridge, _datagram("172.17.0.2", "172.17.0.1", 9999))
        assert _hears(victim)


async def test_a_neighbour_reaches_no_loopback_service_of_the_host(host: Host, service: NetworkService) -> None:
    """The setting that lets 127.0.0.1 be routed is the bridge's alone."""
    wire = host.lab.interfaces()["up0"].address
    with _listen(host.lab, host.lab.host, _LOOPBACK, 9999) as victim:
        _send(host.lab, host.lab.neighbour, wire, _datagram(NEIGHBOUR, _LOOPBACK, 9999))
        assert not _hears(victim)


async def test_a_neighbour_reaches_no_port_that_is_published_on_loopback(host: Host, service: NetworkService) -> None:
    victim_container = await service.allocate(
        request(1, tcp(53, 5353, _LOOPBACK, proto="udp"), tcp(53, 5354, HOST, proto="udp"))
    )
    wire = host.lab.interfaces()["up0"].address
    with _listen(host.lab, netns(victim_container), "0.0.0.0", 53) as victim:
        _send(host.lab, host.lab.neighbour, wire, _datagram(NEIGHBOUR, _LOOPBACK, 5353))
        assert not _hears(victim)
        _send(host.lab, host.lab.neighbour, wire, _datagram(NEIGHBOUR, HOST, 5354))
        assert _hears(victim)


async def test_a_container_reaches_no_link_local_address_of_the_host(host: Host, service: NetworkService) -> None:
    """A network without IPv6 is no IPv6 way to the host either."""
    sandbox = await service.allocate(request(1))
    assert not any(":" in address for address in host.lab.addresses(host.lab.host, "corral0"))
    assert not any(":" in address for address in host.lab.addresses(netns(sandbox), "eth0"))
