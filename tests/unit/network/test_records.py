"""Endpoints, options and records: plain values and their forms."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from corral.errors import Conflict, Invalid, NotFound
from corral.network.drivers.bridge_options import BridgeOptions
from corral.network.endpoint import Endpoint, mac_of, new_interface_name
from corral.network.network import IpamConfig, Network
from corral.network.portmap.ports import PortBinding
from corral.network.registry import NetworkRegistry
from corral.network.sandbox import Sandbox, SandboxRecords
from corral.store.database import Database


def test_hardware_addresses_follow_from_addresses() -> None:
    assert mac_of(IPv4Address("172.17.0.2")) == "02:42:ac:11:00:02"
    assert len(new_interface_name("f" * 64)) <= 15


def test_bridge_options_survive_their_map() -> None:
    options = BridgeOptions(
        interface="corral0", icc=False, masquerade=False, host_binding="10.0.0.1", default=True, mtu=9
    )
    assert BridgeOptions.parse(options.encode()) == options
    assert BridgeOptions.parse({"other": "x"}) == BridgeOptions()
    with pytest.raises(Invalid, match='"maybe" is not a boolean'):
        BridgeOptions.parse({"com.docker.network.bridge.enable_icc": "maybe"})
    with pytest.raises(Invalid, match="invalid value for"):
        BridgeOptions.parse({"com.docker.network.driver.mtu": "-1"})


def test_records_of_sandboxes_are_read_back_and_broken_ones_dropped(tmp_path: Path) -> None:
    records = SandboxRecords(tmp_path / "sandboxes")
    assert records.read() == {}
    endpoint = Endpoint("n" * 64, "bridge", "e" * 64, "172.17.0.2", 16, "172.17.0.1", "02:42:ac:11:00:02")
    port = PortBinding("tcp", 80, "0.0.0.0", 8080)
    sandbox = Sandbox("c" * 64, "s" * 64, tmp_path / "netns" / "s", (endpoint,), (port,), "web")
    records.write(sandbox)
    (tmp_path / "sandboxes" / "broken.json").write_text("{")
    (tmp_path / "sandboxes" / "partial.json.new").write_text("{")
    assert records.read() == {"c" * 64: sandbox}
    assert [path.name for path in (tmp_path / "sandboxes").iterdir()] == [f"{'c' * 64}.json"]
    records.remove("c" * 64)
    records.remove("c" * 64)
    assert records.read() == {}


async def test_networks_are_found_by_name_id_and_prefix(tmp_path: Path) -> None:
    database = Database(tmp_path / "corral.db")
    registry = NetworkRegistry(database)
    part = IpamConfig("10.0.0.0/24", "10.0.0.1", auxiliary={"router": "10.0.0.9"})
    one = Network("a" * 64, "one", "bridge", 1, ipam=(part,), options={"k": "v"})
    two = Network("ab" * 32, "two", "null", 2)
    await registry.put(two)
    await registry.put(one)
    again = NetworkRegistry(database)
    assert list(again) == [one, two]
    assert again.resolve("one") == again.resolve("a" * 64) == again.resolve("aaa") == one
    with pytest.raises(Conflict, match="ambiguous"):
        again.resolve("a")
    with pytest.raises(NotFound, match="network nope not found"):
        again.resolve("nope")
    with pytest.raises(Conflict, match="network with name one already exists"):
        await again.put(Network("c" * 64, "one", "null", 3))
    await again.delete(one.id)
    await again.delete(one.id)
    assert list(NetworkRegistry(database)) == [two]
    database.close()
