"""Published ports: who reaches them from where, and who gets which."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from corral.errors import Internal
from corral.network.config import NetworkConfig
from corral.network.controller import NetworkService
from corral.network.portmap.ports import PortRequest
from support.netlab import HOST, NEIGHBOUR
from support.network_room import Host, netns, request, tcp

pytestmark = pytest.mark.requires("root", "namespaces")


@pytest.mark.parametrize("bridge_filter", ["0", "1"])
async def test_a_published_port_is_reached_from_everywhere(
    host: Host, service: NetworkService, bridge_filter: str
) -> None:
    """With and without br_netfilter, which passes bridged packets through the rules as well."""
    setting = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if setting.exists():
        setting.write_text(bridge_filter)
    one, two = await service.allocate(request(1, tcp(80, 8080))), await service.allocate(request(2))
    with host.lab.server(netns(one), 80):
        assert host.lab.ask(host.lab.neighbour, HOST, 8080) == NEIGHBOUR  # the client's own address
        assert host.lab.ask(host.lab.host, HOST, 8080) == HOST
        assert host.lab.ask(host.lab.host, "127.0.0.1", 8080) == "172.17.0.1"
        assert host.lab.ask(host.lab.host, "127.8.8.8", 8080) == "172.17.0.1"
        assert host.lab.ask(netns(two), HOST, 8080) == "172.17.0.1"
        assert host.lab.ask(netns(two), "172.17.0.1", 8080) == "172.17.0.1"
        assert host.lab.ask(netns(one), HOST, 8080) == "172.17.0.1"  # its own published port


async def test_ipv6_clients_are_served_by_the_proxy(host: Host, service: NetworkService) -> None:
    one = await service.allocate(request(1, tcp(80, 8080)))
    with host.lab.server(netns(one), 80):
        seen = await asyncio.to_thread(host.lab.ask, host.lab.host, "::1", 8080)
    assert seen == "172.17.0.1"


async def test_without_a_firewall_the_proxy_serves_everything(host: Host) -> None:
    service = await host.service(NetworkConfig(iptables=False))
    one = await service.allocate(request(1, tcp(80, 8080)))
    with host.lab.server(netns(one), 80):
        for where, address in ((host.lab.host, "127.0.0.1"), (host.lab.host, HOST), (host.lab.neighbour, HOST)):
            assert await asyncio.to_thread(host.lab.ask, where, address, 8080) == "172.17.0.1"


async def test_without_the_proxy_only_ipv4_is_published(host: Host) -> None:
    service = await host.service(NetworkConfig(userland_proxy=False))
    one = await service.allocate(request(1, tcp(80, 8080)))
    assert [port.host_ip for port in one.ports] == ["0.0.0.0"]
    with host.lab.server(netns(one), 80):
        assert host.lab.reaches(host.lab.host, "127.0.0.1", 8080)
        assert not host.lab.reaches(host.lab.host, "::1", 8080)


async def test_udp_is_published_as_well(host: Host, service: NetworkService) -> None:
    one = await service.allocate(request(1, tcp(53, 5353, proto="udp")))
    with host.lab.server(netns(one), 53, kind=socket.SOCK_DGRAM):
        assert host.lab.ask_udp(host.lab.neighbour, HOST, 5353) == NEIGHBOUR
        assert host.lab.ask_udp(host.lab.host, "127.0.0.1", 5353) == "172.17.0.1"


async def test_a_datagram_socket_follows_the_port_to_another_container(host: Host, service: NetworkService) -> None:
    client = host.lab.inside(host.lab.neighbour, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with client:
        client.settimeout(0.5)
        client.sendto(b"?", (HOST, 5353))  # nobody is there yet
        await service.allocate(request(9))  # so that the next one has another address
        for number in (1, 2):
            sandbox = await service.allocate(request(number, tcp(53, 5353, proto="udp")))
            with host.lab.server(netns(sandbox), 53, kind=socket.SOCK_DGRAM):
                client.sendto(b"?", (HOST, 5353))
                assert client.recv(100).decode() == NEIGHBOUR
            await service.release(sandbox.container_id)
            if number == 1:
                await service.allocate(request(8))


async def test_a_host_address_limits_who_reaches_it(host: Host, service: NetworkService) -> None:
    one = await service.allocate(request(1, tcp(80, 8080, "127.0.0.1"), tcp(80, 8081, HOST)))
    assert [(port.host_ip, port.host_port) for port in one.ports] == [("127.0.0.1", 8080), (HOST, 8081)]
    with host.lab.server(netns(one), 80):
        assert host.lab.reaches(host.lab.host, "127.0.0.1", 8080)
        assert not host.lab.reaches(host.lab.neighbour, HOST, 8080)
        assert host.lab.reaches(host.lab.neighbour, HOST, 8081)
        assert not host.lab.reaches(host.lab.host, "127.0.0.1", 8081)


async def test_one_number_serves_two_containers_on_two_addresses(host: Host, service: NetworkService) -> None:
    one = await service.allocate(request(1, tcp(80, 8080, "127.0.0.1")))
    two = await service.allocate(request(2, tcp(81, 8080, HOST)))
    with host.lab.server(netns(one), 80), host.lab.server(netns(two), 81):
        assert host.lab.reaches(host.lab.host, "127.0.0.1", 8080)
        assert host.lab.reaches(host.lab.neighbour, HOST, 8080)
    await service.release(one.container_id)
    with host.lab.server(netns(two), 81):
        assert not host.lab.reaches(host.lab.host, "127.0.0.1", 8080)
        assert host.lab.reaches(host.lab.neighbour, HOST, 8080)


async def test_any_port_and_ranges(service: NetworkService) -> None:
    one = await service.allocate(request(1, tcp(80), tcp(81)))
    numbers = [(port.host_ip, port.host_port) for port in one.ports]
    assert numbers == [("0.0.0.0", 32768), ("::", 32768), ("0.0.0.0", 32769), ("::", 32769)]
    two = await service.allocate(request(2, PortRequest("tcp", 80, "", (9000, 9001))))
    three = await service.allocate(request(3, PortRequest("tcp", 80, "", (9000, 9001))))
    assert {port.host_port for port in two.ports} == {9000}
    assert {port.host_port for port in three.ports} == {9001}
    with pytest.raises(Internal, match=r"Bind for 0\.0\.0\.0:9000-9001 failed: port is already allocated$"):
        await service.allocate(request(4, PortRequest("tcp", 80, "", (9000, 9001))))


async def test_a_port_of_another_program_is_refused_in_dockers_words(host: Host, service: NetworkService) -> None:
    with host.lab.server(host.lab.host, 8080):
        with pytest.raises(Internal) as caught:
            await service.allocate(request(1, tcp(80, 8080)))
    start, _, rest = str(caught.value).partition(" (")
    assert start == (
        "failed to set up container networking: driver failed programming external connectivity on endpoint c1"
    )
    assert rest[64:] == "): failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use"
    with pytest.raises(Internal, match=r"for 10\.1\.1\.1:8080:172\.17\.0\.2:80/tcp: cannot assign requested address"):
        await service.allocate(request(1, tcp(80, 8080, "10.1.1.1")))


async def test_a_published_port_is_held_against_other_programs(service: NetworkService) -> None:
    sandbox = await service.allocate(request(1, tcp(80, 8080), tcp(53, 5353, proto="udp")))
    for address, family in (("127.0.0.1", socket.AF_INET), ("::", socket.AF_INET6)):
        with socket.socket(family) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError, match="Address already in use"):
                other.bind((address, 8080))
                other.listen()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        with pytest.raises(OSError, match="Address already in use"):
            other.bind(("0.0.0.0", 5353))
    await service.release(sandbox.container_id)
    with socket.socket() as other:
        other.bind(("0.0.0.0", 8080))


async def test_published_ports_work_on_without_the_daemon(host: Host, service: NetworkService) -> None:
    one = await service.allocate(request(1, tcp(80, 8080)))
    await service.close()
    with host.lab.server(netns(one), 80):
        assert host.lab.ask(host.lab.neighbour, HOST, 8080) == NEIGHBOUR
        assert host.lab.ask(host.lab.host, "127.0.0.1", 8080) == "172.17.0.1"
