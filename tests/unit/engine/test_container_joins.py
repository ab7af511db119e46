"""Other containers' namespaces, host names, the files in /etc, ports: what a start makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from corral.api.types.endpoint import EndpointIPAMConfig, EndpointSettings, NetworkingConfig
from corral.api.types.host_config import PortBinding
from corral.engine.container.etc import resolv_conf
from corral.errors import Conflict, Internal, Invalid
from corral.network.portmap.ports import PortRequest
from corral.oci.runtime import Spec
from unit.engine.fakes import World


def spec_of(world: World, id: str) -> Spec:
    return world.driver.requests[id].spec


async def test_a_network_is_shared_with_its_name_and_its_files(world: World) -> None:
    donor = await world.run("donor", hostname="shared")
    id = await world.run("guest", network_mode="container:donor")
    spec = spec_of(world, id)
    assert {n.type: n.path for n in spec.linux.namespaces}["network"] == "/proc/100/ns/net"
    assert spec.hostname == "shared"
    sources = {mount.destination: mount.source for mount in spec.mounts}
    assert sources["/etc/hosts"] == str(world.engine.data.container_etc(donor, "hosts"))
    view = await world.service.inspect("guest", False)
    assert view.host_config.network_mode == f"container:{donor}"
    assert view.hosts_path == sources["/etc/hosts"]
    assert list(world.networks.live) == [donor]


async def test_pid_and_ipc_are_shared(world: World) -> None:
    donor = await world.run("donor", ipc_mode="host")
    id = await world.run("guest", pid_mode="container:donor", ipc_mode=f"container:{donor[:6]}")
    paths = {namespace.type: namespace.path for namespace in spec_of(world, id).linux.namespaces}
    assert (paths["pid"], paths["ipc"]) == ("/proc/100/ns/pid", "/proc/100/ns/ipc")


async def test_a_donor_must_exist_run_and_share(world: World) -> None:
    for mode in ("pid_mode", "ipc_mode"):
        with pytest.raises(Invalid, match="No such container: nosuch"):
            await world.create(**{mode: "container:nosuch"})
    await world.create("lost", network_mode="container:nosuch")
    with pytest.raises(Internal, match="joining network namespace of container: No such container: nosuch"):
        await world.service.start("lost")
    donor = await world.create("donor")
    await world.create("guest", pid_mode="container:donor")
    with pytest.raises(Conflict, match=f"failed to join PID namespace: container {donor} is not running"):
        await world.service.start("guest")
    await world.create("netguest", network_mode="container:donor")
    with pytest.raises(Conflict, match="of a non running container: container donor is created"):
        await world.service.start("netguest")
    await world.service.start("donor")
    await world.create("ipcguest", ipc_mode="container:donor")
    with pytest.raises(Invalid, match="non-shareable IPC"):
        await world.service.start("ipcguest")


async def test_the_hosts_name_goes_with_the_hosts_network(world: World) -> None:
    await world.create("net", network_mode="host")
    await world.create("uts", uts_mode="host")
    await world.create("named", network_mode="host", hostname="mine")
    names = [world.engine.store.find(name).config.hostname for name in ("net", "uts", "named")]
    assert names == ["machine", "machine", "mine"]


async def test_hosts_has_the_containers_addresses_and_extra_ones(world: World) -> None:
    id = await world.run(
        hostname="h", domainname="example.com", extra_hosts=["a:1.2.3.4", "six:[fe80::1]", "gw:host-gateway"]
    )
    lines = Path(world.engine.data.container_etc(id, "hosts")).read_text().splitlines()
    assert lines[0] == "127.0.0.1\tlocalhost"
    assert lines[-4:] == ["1.2.3.4\ta", "fe80::1\tsix", "172.17.0.1\tgw", "172.17.0.2\th.example.com h"]
    assert Path(world.engine.data.container_etc(id, "hostname")).read_text() == "h\n"


async def test_resolv_conf_is_the_hosts_unless_told_otherwise(world: World) -> None:
    host = "nameserver 127.0.0.53\nnameserver 10.0.0.1\nsearch a.example b.example\noptions edns0\n"
    plain = world.engine.store.find(await world.create())
    assert resolv_conf(world.engine, plain, host, own_network=True) == (
        "nameserver 10.0.0.1\nsearch a.example b.example\noptions edns0\n"
    )
    assert resolv_conf(world.engine, plain, host, own_network=False).startswith("nameserver 127.0.0.53\n")
    assert resolv_conf(world.engine, plain, "nameserver ::1\n", own_network=True) == (
        "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"
    )
    own = world.engine.store.find(await world.create(dns=["9.9.9.9"], dns_search=["."], dns_options=["ndots:2"]))
    assert resolv_conf(world.engine, own, host, own_network=True) == "nameserver 9.9.9.9\noptions ndots:2\n"


async def test_ports_are_asked_for_and_shown_as_they_became(world: World) -> None:
    id = await world.run(
        port_bindings={"80/tcp": [PortBinding("127.0.0.1", "8080"), PortBinding("", "9000-9005")], "53/udp": None},
        exposed_ports={"443/tcp": {}, "7000-7001/tcp": {}},
        publish_all_ports=True,
    )
    assert world.networks.live[id].ports == (
        PortRequest("tcp", 80, "127.0.0.1", (8080, 8080)),
        PortRequest("tcp", 80, "", (9000, 9005)),
        PortRequest("udp", 53),
        PortRequest("tcp", 443),
        PortRequest("tcp", 7000),
        PortRequest("tcp", 7001),
    )
    ports = (await world.service.inspect(id, False)).network_settings.ports
    assert ports["80/tcp"] == [PortBinding("127.0.0.1", "8080"), PortBinding("0.0.0.0", "9000")]
    assert ports["53/udp"] == [PortBinding("0.0.0.0", "32768")]


async def test_an_exposed_port_that_is_not_published_is_null(world: World) -> None:
    id = await world.run(exposed_ports={"443/tcp": {}})
    assert (await world.service.inspect(id, False)).network_settings.ports == {"443/tcp": None}


async def test_addresses_and_aliases_are_passed_on(world: World) -> None:
    wanted = EndpointSettings(
        ipam_config=EndpointIPAMConfig(ipv4_address="172.17.0.9"), mac_address="02:42:ac:11:00:09", aliases=["db"]
    )
    id = await world.run(networking_config=NetworkingConfig({"bridge": wanted}), hostname="h")
    request = world.networks.live[id]
    assert (request.ip, request.mac, request.aliases) == ("172.17.0.9", "02:42:ac:11:00:09", ("db",))


async def test_host_and_none_need_no_sandbox_or_no_address(world: World) -> None:
    host = await world.run(network_mode="host")
    none = await world.run(network_mode="none")
    assert list(world.networks.live) == [none]
    settings = (await world.service.inspect(host, False)).network_settings
    assert list(settings.networks) == ["host"]
    assert (await world.service.inspect(none, False)).network_settings.ip_address == ""


async def test_volumes_are_planned_attached_and_detached(world: World) -> None:
    donor = await world.create("donor", volumes={"/data": {}}, binds=["/tmp:/x:ro"])
    id = await world.run("guest", volumes_from=["donor:ro"], tmpfs={"/t": ""})
    mounts = {mount.destination: mount for mount in world.volumes.references[id]}
    assert set(mounts) == {"/data", "/x", "/t"}
    assert mounts["/data"].read_only and mounts["/x"].read_only
    destinations = [mount.destination for mount in spec_of(world, id).mounts]
    assert destinations.index("/dev/shm") < destinations.index("/t")
    await world.service.remove("guest", force=True, volumes=True, link=False)
    assert "volumes.detach anonymous=True" in world.journal.calls
    assert list(world.volumes.references) == [donor]
    with pytest.raises(Invalid, match="No such container: nosuch"):
        await world.create(volumes_from=["nosuch"])


async def test_links_are_names_in_hosts(world: World) -> None:
    await world.run("db", hostname="dbhost")
    id = await world.run("web", links=["db:store", "db"])
    lines = Path(world.engine.data.container_etc(id, "hosts")).read_text().splitlines()
    assert lines[-3:-1] == ["172.17.0.2\tstore dbhost db", "172.17.0.2\tdb dbhost"]
    assert (await world.service.inspect("web", False)).host_config.links == ["/db:/web/store", "/db:/web/db"]


async def test_links_need_a_container_that_runs(world: World) -> None:
    with pytest.raises(Invalid, match="could not get container for nosuch: No such container: nosuch"):
        await world.create("web", links=["nosuch"])
    await world.create("idle")
    await world.create("web", links=["idle"])
    with pytest.raises(Conflict, match="Cannot link to a non running container: /idle AS /web/idle"):
        await world.service.start("web")
