"""What every network driver does, in the controller's order; see ``network.driver``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.network.driver import Driver
from corral.network.drivers.bridge import BridgeDriver
from corral.network.drivers.null import NullDriver
from corral.network.endpoint import Endpoint
from corral.network.firewall.nftables import NftablesFirewall
from corral.network.firewall.none import NoFirewall
from corral.network.namespace import Namespace
from corral.network.network import IpamConfig, Network
from corral.network.portmap.ports import PortBinding
from support import netlab

pytestmark = pytest.mark.requires("root", "namespaces")

NETWORK = Network("a" * 64, "test", "any", 1, ipam=(IpamConfig("10.50.0.0/24", "10.50.0.1"),))
ENDPOINT = Endpoint("a" * 64, "test", "e" * 64, ip="10.50.0.2", prefix_len=24, gateway="10.50.0.1")
PORTS = (PortBinding("tcp", 80, "0.0.0.0", 8080), PortBinding("tcp", 80, "::", 8080))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[netlab.Lab]:
    with netlab.opened(tmp_path) as lab:
        yield lab


@pytest.fixture(params=["bridge", "bridge without firewall", "null", "host"])
async def driver(request: pytest.FixtureRequest, lab: netlab.Lab) -> Driver:
    made: Driver = {
        "bridge": lambda: BridgeDriver(NftablesFirewall("corral")),
        "bridge without firewall": lambda: BridgeDriver(NoFirewall()),
        "null": lambda: NullDriver("null"),
        "host": lambda: NullDriver("host"),
    }[request.param]()
    await made.create_network(NETWORK)
    await made.restore([])
    return made


async def joined(driver: Driver, lab: netlab.Lab, path: Path) -> Endpoint:
    namespace = await Namespace.make(lab.make_sandbox, path)
    endpoint = await driver.create_endpoint(NETWORK, ENDPOINT)
    await driver.join(NETWORK, endpoint, namespace)
    if driver.needs_namespace:
        namespace.configure(endpoint.interface, endpoint.address, endpoint.gateway)
    namespace.close()
    return endpoint


async def test_creating_a_network_again_completes_it(driver: Driver) -> None:
    await driver.create_network(NETWORK)
    await driver.create_network(NETWORK)


async def test_a_life_and_every_step_back_may_be_repeated(driver: Driver, lab: netlab.Lab, tmp_path: Path) -> None:
    for number in range(2):
        endpoint = await joined(driver, lab, tmp_path / f"ns{number}")
        await driver.publish(NETWORK, endpoint, PORTS)
        if driver.needs_namespace:
            assert lab.interfaces(tmp_path / f"ns{number}")[endpoint.interface].up
        for _ in range(2):
            await driver.unpublish(NETWORK, endpoint, PORTS)
            await driver.leave(NETWORK, endpoint)
            await driver.delete_endpoint(NETWORK, endpoint)
        lab.unpin(tmp_path / f"ns{number}")
        assert netlab.eventually(lambda: not any(name.startswith("veth") for name in lab.interfaces()))
    for _ in range(2):
        await driver.delete_network(NETWORK)
    assert set(lab.interfaces()) == {"lo", "spare", "up0"}


async def test_restoring_keeps_the_live_and_removes_the_rest(driver: Driver, lab: netlab.Lab, tmp_path: Path) -> None:
    endpoint = await joined(driver, lab, tmp_path / "ns")
    await driver.publish(NETWORK, endpoint, PORTS)
    before = set(lab.interfaces())
    await driver.restore([(NETWORK, endpoint, PORTS)])
    await driver.restore([(NETWORK, endpoint, PORTS)])
    assert set(lab.interfaces()) == before
    await driver.restore([])
    assert not any(name.startswith("veth") for name in lab.interfaces())
