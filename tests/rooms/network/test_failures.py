"""A step of a start fails: nothing of it is left, and the same start succeeds afterwards."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from corral.errors import CorralError, Internal
from corral.linux.netlink.connection import NETLINK_NETFILTER, Connection
from corral.linux.netlink.nftables import transaction
from corral.network.controller import NetworkService
from corral.network.drivers.bridge import BridgeDriver
from corral.network.firewall.nftables import NftablesFirewall
from corral.network.namespace import Namespace
from corral.network.sandbox import SandboxRecords
from support.netlab import eventually
from support.network_room import Host, container, request, tcp

pytestmark = pytest.mark.requires("root", "namespaces")


def _refuse(*_: object, **__: object) -> Any:
    raise OSError(errno.EIO, "injected")


def _after(original: Callable[..., Any]) -> Callable[..., Any]:
    """Does the work and then fails."""

    async def work(*arguments: object) -> None:
        await original(*arguments)
        raise OSError(errno.EIO, "injected")

    return work


def _state(host: Host, service: NetworkService) -> dict[str, object]:
    with Connection(NETLINK_NETFILTER) as connection:
        published = transaction.elements(connection, "corral", "publish")
    return {
        "veths": host.veths(),
        "pins": host.pins(),
        "records": {path.name for path in host.exec_root.sandboxes.iterdir()},
        "published": published,
        "containers": set(service.inspect_network("bridge").containers or {}),
    }


@pytest.mark.parametrize(
    ("owner", "method", "late"),
    [
        (BridgeDriver, "create_endpoint", False),
        (BridgeDriver, "join", False),
        (BridgeDriver, "join", True),
        (Namespace, "configure", False),
        (BridgeDriver, "publish", False),
        (BridgeDriver, "publish", True),
        (NftablesFirewall, "add_ports", False),
        (SandboxRecords, "write", False),
    ],
)
async def test_a_failed_step_leaves_nothing(
    host: Host, service: NetworkService, monkeypatch: pytest.MonkeyPatch, owner: type, method: str, late: bool
) -> None:
    await service.allocate(request(9, tcp(80, 9090)))
    before = _state(host, service)
    with monkeypatch.context() as patch:
        patch.setattr(owner, method, _after(getattr(owner, method)) if late else _refuse)
        with pytest.raises(Internal, match="failed to set up container networking: injected"):
            await service.allocate(request(1, tcp(80, 8080), tcp(53, 5353, proto="udp")))
    assert eventually(lambda: _state(host, service) == before), (_state(host, service), before)
    assert service.sandbox(container(1)) is None
    sandbox = await service.allocate(request(1, tcp(80, 8080), tcp(53, 5353, proto="udp")))
    assert sandbox.endpoints[0].ip == "172.17.0.3"


async def test_a_runtime_that_makes_no_namespace_leaves_nothing(
    host: Host, service: NetworkService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: object) -> tuple[int, int]:
        raise CorralError("injected")

    before = _state(host, service)
    with monkeypatch.context() as patch:
        patch.setattr(service, "_make_sandbox", refuse)
        with pytest.raises(CorralError, match="injected"):
            await service.allocate(request(1, tcp(80, 8080)))
    assert _state(host, service) == before
    await service.allocate(request(1, tcp(80, 8080)))


async def test_a_port_conflict_leaves_nothing(host: Host, service: NetworkService) -> None:
    before = _state(host, service)
    with host.lab.server(host.lab.host, 8081):
        with pytest.raises(Internal, match="address already in use"):
            await service.allocate(request(1, tcp(80, 8080), tcp(81, 8081)))
    assert _state(host, service) == before
    await service.allocate(request(1, tcp(80, 8080), tcp(81, 8081)))
