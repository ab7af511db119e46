"""Sandboxes on the default bridge, in a test's own host."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import replace

import pytest

from corral.errors import CorralError, Forbidden, Invalid, NotFound
from corral.linux.netlink import address, link, route
from corral.linux.netlink.connection import NETLINK_ROUTE, Connection
from corral.network.config import NetworkConfig
from corral.network.controller import NetworkService
from support.netlab import HOST, NEIGHBOUR, add_default_route, eventually
from support.network_room import Host, netns, request, tcp

pytestmark = pytest.mark.requires("root", "namespaces")


async def test_a_sandbox_is_complete_when_allocate_returns(host: Host, service: NetworkService) -> None:
    sandbox = await service.allocate(request(1))
    (endpoint,) = sandbox.endpoints
    assert (endpoint.ip, endpoint.prefix_len, endpoint.gateway) == ("172.17.0.2", 16, "172.17.0.1")
    assert endpoint.mac == "02:42:ac:11:00:02"
    links = host.lab.interfaces(netns(sandbox))
    assert set(links) == {"lo", "eth0"}
    assert links["lo"].up and links["eth0"].up
    assert links["eth0"].address.hex(":") == endpoint.mac
    assert host.lab.addresses(netns(sandbox), "eth0") == ["172.17.0.2/16"]
    outer = host.lab.interfaces()[endpoint.host_interface]
    assert outer.up and outer.master == host.lab.interfaces()["corral0"].index
    assert host.events == [("connect", {"container": f"{1:064x}", "name": "bridge", "type": "bridge"})]


async def test_containers_reach_each_other_their_gateway_and_the_outside(host: Host, service: NetworkService) -> None:
    one, two = await service.allocate(request(1)), await service.allocate(request(2))
    with host.lab.server(netns(two), 80), host.lab.server(host.lab.host, 81), host.lab.server(host.lab.neighbour, 82):
        assert host.lab.ask(netns(one), "172.17.0.3", 80) == "172.17.0.2"
        assert host.lab.ask(netns(one), "172.17.0.1", 81) == "172.17.0.2"
        # The neighbour has no route to 172.17.0.0/16: it sees the host's address.
        assert host.lab.ask(netns(one), NEIGHBOUR, 82) == HOST
        assert host.lab.ask(host.lab.host, "172.17.0.3", 80) == "172.17.0.1"


async def test_without_masquerade_the_outside_sees_the_containers_address(host: Host) -> None:
    service = await host.service(NetworkConfig(ip_masq=False))
    one = await service.allocate(request(1))
    host.lab.inside(host.lab.neighbour, lambda: add_default_route(HOST))
    with host.lab.server(host.lab.neighbour, 82):
        assert host.lab.ask(netns(one), NEIGHBOUR, 82) == "172.17.0.2"


async def test_without_icc_containers_meet_only_at_published_ports(host: Host) -> None:
    service = await host.service(NetworkConfig(icc=False))
    one, two = await service.allocate(request(1)), await service.allocate(request(2, tcp(80, 8080)))
    with host.lab.server(netns(two), 80), host.lab.server(netns(two), 81):
        assert not host.lab.reaches(netns(one), "172.17.0.3", 80)
        seen = await asyncio.to_thread(host.lab.ask, netns(one), "172.17.0.1", 8080)
        assert seen == "172.17.0.1"
        assert host.lab.ask(host.lab.host, "172.17.0.3", 80) == "172.17.0.1"


async def test_the_outside_reaches_no_port_that_is_not_published(host: Host, service: NetworkService) -> None:
    one = await service.allocate(request(1, tcp(80, 8080)))
    host.lab.inside(host.lab.neighbour, lambda: add_default_route(HOST))
    with host.lab.server(netns(one), 80), host.lab.server(netns(one), 81):
        assert host.lab.reaches(host.lab.neighbour, HOST, 8080)
        assert not host.lab.reaches(host.lab.neighbour, "172.17.0.2", 81)
        assert not host.lab.reaches(host.lab.neighbour, "172.17.0.2", 80)


async def test_an_address_is_usable_at_once_by_its_next_owner(host: Host, service: NetworkService) -> None:
    """The bridge must not go on sending to the port of the former owner: every new owner would be late then, not some
    on a busy machine."""
    late = 0
    for number in range(1, 6):
        sandbox = await service.allocate(request(number))
        assert sandbox.endpoints[0].ip == "172.17.0.2"
        with host.lab.server(netns(sandbox), 80):
            try:
                assert host.lab.ask(host.lab.host, "172.17.0.2", 80, timeout=0.8) == "172.17.0.1"
            except TimeoutError:
                late += 1
        await service.release(f"{number:064x}")
    assert late < 4


async def test_an_address_is_usable_at_once_with_another_hardware_address(host: Host, service: NetworkService) -> None:
    for number, mac in enumerate(["", "02-00-00-00-00-AA", "", "02:00:00:00:00:bb"], 1):
        sandbox = await service.allocate(replace(request(number), mac=mac))
        assert sandbox.endpoints[0].mac == (mac.lower().replace("-", ":") or "02:42:ac:11:00:02")
        with host.lab.server(netns(sandbox), 80):
            assert host.lab.ask(host.lab.host, "172.17.0.2", 80, timeout=2.5) == "172.17.0.1"
        await service.release(f"{number:064x}")
    with pytest.raises(Invalid, match="invalid MAC address: 02:00"):
        await service.allocate(replace(request(9), mac="02:00"))
    with pytest.raises(Invalid, match="invalid IPv4 address: x"):
        await service.allocate(request(9, ip="x"))


async def test_release_leaves_nothing_and_may_be_repeated(host: Host, service: NetworkService) -> None:
    sandbox = await service.allocate(request(1, tcp(80, 8080)))
    await service.release(sandbox.container_id)
    await service.release(sandbox.container_id)
    assert host.pins() == set()
    assert list(host.exec_root.sandboxes.iterdir()) == []
    assert eventually(lambda: host.veths() == set())
    assert service.inspect_network("bridge").containers == {}
    assert [action for action, _ in host.events] == ["connect", "disconnect"]
    await service.allocate(request(2, tcp(80, 8080)))


async def test_addresses_by_wish(host: Host, service: NetworkService) -> None:
    sandbox = await service.allocate(request(1, ip="172.17.9.9"))
    assert sandbox.endpoints[0].ip == "172.17.9.9"
    with pytest.raises(Forbidden, match="failed to set up container networking: Address already in use"):
        await service.allocate(request(2, ip="172.17.9.9"))
    with pytest.raises(Invalid, match="It does not belong to any of this network's subnets"):
        await service.allocate(request(2, ip="10.0.0.1"))
    assert (await service.allocate(request(2))).endpoints[0].ip == "172.17.0.2"


async def test_none_needs_no_namespace_and_unknown_networks_are_not_found(service: NetworkService) -> None:
    sandbox = await service.allocate(request(1, mode="none"))
    assert sandbox.netns is None
    assert sandbox.endpoints[0].network_name == "none"
    await service.release(sandbox.container_id)
    with pytest.raises(NotFound, match="failed to set up container networking: network nonet not found"):
        await service.allocate(request(1, mode="nonet"))


async def test_bip_mtu_and_fixed_cidr(host: Host) -> None:
    service = await host.service(NetworkConfig(bip="10.77.0.5/24", fixed_cidr="10.77.0.128/25", mtu=1400))
    sandbox = await service.allocate(request(1))
    assert (sandbox.endpoints[0].ip, sandbox.endpoints[0].gateway) == ("10.77.0.128", "10.77.0.5")
    assert host.lab.addresses(host.lab.host, "corral0")[0] == "10.77.0.5/24"
    assert host.lab.interfaces()["corral0"].mtu == 1400
    assert host.lab.interfaces(netns(sandbox))["eth0"].mtu == 1400


async def test_another_gateway_for_containers(host: Host) -> None:
    service = await host.service(NetworkConfig(bip="10.77.0.1/24", default_gateway="10.77.0.254"))
    sandbox = await service.allocate(request(1))
    assert sandbox.endpoints[0].gateway == "10.77.0.254"
    shown = service.inspect_network("bridge").ipam.config
    assert shown is not None
    assert shown[0].gateway == "10.77.0.1"
    assert shown[0].auxiliary_addresses == {"DefaultGatewayIPv4": "10.77.0.254"}


@pytest.mark.parametrize("field", ["bip", "fixed_cidr", "default_gateway"])
async def test_a_configuration_that_cannot_be_is_refused(host: Host, field: str) -> None:
    with pytest.raises(Invalid, match=f"invalid --{field.replace('_', '-')} nonsense"):
        await host.service(NetworkConfig(**{field: "nonsense"}))  # type: ignore[arg-type]


async def test_the_pool_avoids_what_the_host_uses(host: Host) -> None:
    with Connection(NETLINK_ROUTE) as connection:
        up = link.by_name(connection, "up0")
        assert up is not None
        connection.apply(
            address.add(up.index, ipaddress.ip_interface("172.17.200.1/24")),
            route.add(ipaddress.ip_network("172.18.0.0/15"), gateway=ipaddress.ip_address(NEIGHBOUR)),
        )
    service = await host.service()
    assert (await service.allocate(request(1))).endpoints[0].ip == "172.20.0.2"


async def test_an_interface_that_is_no_bridge_is_not_taken(host: Host) -> None:
    with pytest.raises(CorralError, match="interface up0 exists and is not a bridge"):
        await host.service(NetworkConfig(bridge="up0"))


async def test_networks_are_shown_as_docker_shows_them(host: Host, service: NetworkService) -> None:
    sandbox = await service.allocate(request(1))
    assert [network.name for network in service.networks()] == ["none", "host", "bridge"]
    bridge = service.inspect_network("bridge")
    assert (bridge.driver, bridge.scope) == ("bridge", "local")
    assert bridge.ipam.config is not None
    assert [(c.subnet, c.gateway) for c in bridge.ipam.config] == [("172.17.0.0/16", "172.17.0.1")]
    assert bridge.options == {
        "com.docker.network.bridge.default_bridge": "true",
        "com.docker.network.bridge.enable_icc": "true",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
        "com.docker.network.bridge.name": "corral0",
        "com.docker.network.driver.mtu": "1500",
    }
    assert bridge.containers is not None
    shown = bridge.containers[sandbox.container_id]
    assert (shown.name, shown.ipv4_address, shown.mac_address) == ("c1", "172.17.0.2/16", "02:42:ac:11:00:02")
    assert service.inspect_network(bridge.id[:12]) == bridge
    none = service.inspect_network("none")
    assert (none.driver, none.ipam.config, none.options) == ("null", None, {})
