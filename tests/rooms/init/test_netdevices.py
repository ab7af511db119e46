"""Network devices that are moved into a container (config-linux.md, "Network Devices"). The "host" is a network
namespace of the test's own."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corral.errors import Invalid
from corral.linux import namespace
from corral.linux.netlink import address, link
from corral.linux.netlink.connection import NETLINK_ROUTE, Connection
from corral.oci.runtime import NetDevice
from support.boxes import NAMESPACES, NEEDS, Box, Outcome, in_box, shell, spec

pytestmark = pytest.mark.requires(*NEEDS)

SHOW = (
    "for d in /sys/class/net/*; do echo $(basename $d) $(cat $d/mtu) $((0x$(cut -c3- $d/flags) & 1)); done; ip -o addr"
)


def with_veth(box: Box, scenario: Callable[[Box, Connection], Any]) -> Any:
    """A pair veth0, veth1; veth0 has addresses and an unusual size of packets."""

    def inside(box: Box) -> Any:
        namespace.unshare(namespace.CLONE_NEWNET)
        with Connection(NETLINK_ROUTE) as connection:
            connection.apply(link.add_veth(link.VethEnd("veth0"), link.VethEnd("veth1"), mtu=1400))
            connection.apply(link.change(0, name="veth0", up=True), link.change(0, name="veth1", up=True))
            found = link.by_name(connection, "veth0")
            assert found is not None
            for text in ("192.0.2.7/24", "2001:db8::7/64"):
                connection.apply(address.add(found.index, ipaddress.ip_interface(text)))
            return scenario(box, connection)

    return in_box(box, inside)


def run(box: Box, script: str, devices: dict[str, NetDevice]) -> Outcome:
    return box.run(spec(shell(script), linux={"net_devices": devices}))


@pytest.mark.parametrize(("wanted", "shown"), [("", "veth0"), ("eth0", "eth0"), ("eth%d", "eth0")])
def test_a_device_keeps_its_addresses_and_is_up(box: Box, wanted: str, shown: str) -> None:
    def scenario(box: Box, connection: Connection) -> list[Any]:
        outcome = run(box, SHOW, {"veth0": NetDevice(wanted)})
        return [outcome.error, outcome.out, link.by_name(connection, "veth0") is None]

    error, out, gone = with_veth(box, scenario)
    assert (error, gone) == ("", True)
    lines = out.splitlines()
    assert f"{shown} 1400 1" in lines
    assert any(f"{shown} " in line and " 192.0.2.7/24 " in line for line in lines), out
    assert any(f"{shown} " in line and " 2001:db8::7/64 " in line for line in lines), out


def test_it_can_be_used(box: Box, root: Path) -> None:
    """Its other end stays outside."""
    (root / "bin/ping").symlink_to("busybox")

    def scenario(box: Box, connection: Connection) -> Outcome:
        peer = link.by_name(connection, "veth1")
        assert peer is not None
        connection.apply(address.add(peer.index, ipaddress.ip_interface("192.0.2.1/24")))
        return run(box, "ping -c 1 -W 5 192.0.2.1 | grep -c 'bytes from'", {"veth0": NetDevice("eth0")})

    assert with_veth(box, scenario).lines == ["1"]


@pytest.mark.parametrize(
    ("devices", "error"),
    [
        ({"nowhere": NetDevice()}, "moving network device nowhere: no such network device"),
        ({"veth0": NetDevice("lo")}, "moving network device veth0: lo exists in the container"),
        (
            {"veth0": NetDevice("eth0"), "veth1": NetDevice("eth0")},
            "moving network device veth1: eth0 exists in the container",
        ),
    ],
)
def test_what_cannot_be_moved(box: Box, devices: dict[str, NetDevice], error: str) -> None:
    def scenario(box: Box, _: Connection) -> str:
        try:
            run(box, "true", devices)
        except Invalid as raised:
            return str(raised)
        return "moved"

    assert with_veth(box, scenario) == error


def test_there_must_be_a_namespace_to_move_it_into(box: Box) -> None:
    def scenario(box: Box) -> str:
        others = tuple(one for one in NAMESPACES if one.type != "network")
        try:
            box.run(spec(shell("true"), linux={"namespaces": others, "net_devices": {"lo": NetDevice("x")}}))
        except Invalid as raised:
            return str(raised)
        return "moved"

    assert in_box(box, scenario) == "unable to move network devices without a NET namespace"
