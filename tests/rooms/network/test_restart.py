"""The daemon ends, or is killed, and another one takes over."""

from __future__ import annotations

import os
import socket

import pytest

from corral.linux.netlink import link
from corral.linux.netlink.connection import NETLINK_NETFILTER, NETLINK_ROUTE, Connection
from corral.linux.netlink.link import VethEnd
from corral.linux.netlink.nftables import objects, transaction
from corral.linux.netlink.nftables.objects import IFNAME, Element
from corral.network.config import NetworkConfig
from corral.network.controller import NetworkService
from support.netlab import HOST, NEIGHBOUR, eventually
from support.network_room import Host, container, netns, request, tcp

pytestmark = pytest.mark.requires("root", "namespaces")


async def test_live_sandboxes_are_kept_with_addresses_and_ports(host: Host, service: NetworkService) -> None:
    one = await service.allocate(request(1, tcp(80, 8080)))
    await service.close()
    later = await host.service(live=(container(1),))
    assert later.sandbox(container(1)) == one
    assert later.inspect_network("bridge").id == service.inspect_network("bridge").id
    with host.lab.server(netns(one), 80):
        assert host.lab.ask(host.lab.neighbour, HOST, 8080) == NEIGHBOUR
    with socket.socket() as other, pytest.raises(OSError, match="Address already in use"):
        other.bind(("0.0.0.0", 8080))
    two = await later.allocate(request(2))
    assert two.endpoints[0].ip == "172.17.0.3"
    await later.release(container(1))
    assert (await later.allocate(request(3, tcp(80, 8080)))).endpoints[0].ip == "172.17.0.2"


async def test_a_connection_through_a_published_port_survives(host: Host, service: NetworkService) -> None:
    one = await service.allocate(request(1, tcp(80, 8080)))

    def listen() -> socket.socket:
        return socket.create_server(("0.0.0.0", 80))

    with host.lab.inside(netns(one), listen) as listener:
        client = host.lab.inside(host.lab.neighbour, lambda: socket.create_connection((HOST, 8080), 2))
        server, _ = listener.accept()
        with client, server:
            await service.close()
            await host.service(live=(container(1),))
            client.sendall(b"still there?")
            assert server.recv(100) == b"still there?"


async def test_sandboxes_of_containers_that_ended_meanwhile_are_removed(host: Host, service: NetworkService) -> None:
    await service.allocate(request(1, tcp(80, 8080)))
    two = await service.allocate(request(2))
    await service.close()
    later = await host.service(live=(container(2),))
    assert later.sandbox(container(1)) is None
    assert later.sandbox(container(2)) == two
    assert host.pins() == {netns(two).name}
    assert eventually(lambda: host.veths() == {two.endpoints[0].host_interface})
    with Connection(NETLINK_NETFILTER) as connection:
        assert transaction.elements(connection, "corral", "publish") == {}


async def test_another_subnet_does_not_end_what_runs(host: Host, service: NetworkService) -> None:
    one = await service.allocate(request(1, tcp(80, 8080)))
    await service.close()
    later = await host.service(NetworkConfig(bip="10.77.0.1/24"), live=(container(1),))
    assert later.sandbox(container(1)) == one
    assert (await later.allocate(request(2))).endpoints[0].ip == "10.77.0.2"
    await later.release(container(1))
    assert len(host.pins()) == 1


async def test_no_default_bridge_any_more_does_not_end_what_runs(host: Host, service: NetworkService) -> None:
    one = await service.allocate(request(1, tcp(80, 8080)))
    await service.close()
    later = await host.service(NetworkConfig(bridge="none"), live=(container(1),))
    assert later.sandbox(container(1)) == one
    assert [network.name for network in later.networks()] == ["none", "host"]
    await later.release(container(1))
    assert host.pins() == set()


async def test_remains_without_a_record_are_removed(host: Host, service: NetworkService) -> None:
    """Of a daemon that was killed in the middle of a start."""
    fd, rtnl = await host.lab.make_sandbox(host.exec_root.netns / "0123456789ab")
    bridge = host.lab.interfaces()["corral0"].index
    with Connection(NETLINK_ROUTE) as connection, Connection(NETLINK_ROUTE, rtnl):
        connection.apply(link.add_veth(VethEnd("veth0123456", master=bridge), VethEnd("eth0", netns_fd=fd)))
        connection.apply(link.add_veth(VethEnd("mine0", master=bridge), VethEnd("mine1")))
        with Connection(NETLINK_NETFILTER) as netfilter:
            transaction.commit(
                netfilter,
                [objects.add_elements("corral", "publish", [Element(b"\x06\0\0\0\x1f\x90\0\0", b"\x0a\0\0\1\0P\0\0")])],
            )
        await service.close()
        await host.service()
        assert host.pins() == set()
        assert host.veths() == set()
        assert "mine0" in host.lab.interfaces()
        with Connection(NETLINK_NETFILTER) as netfilter:
            assert transaction.elements(netfilter, "corral", "publish") == {}
    os.close(fd)


async def test_tables_of_others_are_not_touched(host: Host, service: NetworkService) -> None:
    with Connection(NETLINK_NETFILTER) as connection:
        transaction.commit(
            connection,
            [
                objects.add_table("theirs"),
                objects.add_set("theirs", "names", IFNAME, number=1),
                objects.add_elements("theirs", "names", [Element(b"eth9".ljust(16, b"\0"))]),
            ],
        )
        await service.allocate(request(1, tcp(80, 8080)))
        await service.close()
        await host.service()
        assert sorted(transaction.tables(connection)) == ["corral", "theirs"]
        assert list(transaction.elements(connection, "theirs", "names")) == [b"eth9".ljust(16, b"\0")]


async def test_a_port_that_somebody_took_meanwhile_is_published_all_the_same(
    host: Host, service: NetworkService
) -> None:
    one = await service.allocate(request(1, tcp(80, 8080)))
    await service.close()
    with host.lab.server(host.lab.host, 8080), host.lab.server(netns(one), 80):
        later = await host.service(live=(container(1),))
        assert later.sandbox(container(1)) == one
        assert host.lab.ask(host.lab.neighbour, HOST, 8080) == NEIGHBOUR
