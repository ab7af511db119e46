"""Holding host ports, on the loopback addresses of whatever machine this is."""

from __future__ import annotations

import socket

import pytest

from corral.errors import Internal
from corral.network.portmap.allocator import PortAllocator
from corral.network.portmap.ports import PortBinding, PortRequest

OWN = "127.0.0.1"
OTHER = "127.0.0.2"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((OWN, 0))
        return int(probe.getsockname()[1])


def request(port: int | None, host: str = OWN, proto: str = "tcp") -> PortRequest:
    return PortRequest(proto, 80, host, None if port is None else (port, port))


def test_a_port_is_held_until_it_is_let_go() -> None:
    allocator, port = PortAllocator(), free_port()
    held = allocator.hold([request(port)], "172.17.0.2")
    assert held.bindings == (PortBinding("tcp", 80, OWN, port),)
    with pytest.raises(Internal, match=f"Bind for 127.0.0.1:{port} failed: port is already allocated"):
        allocator.hold([request(port)], "172.17.0.3")
    allocator.hold([request(port, OTHER)], "172.17.0.3").close()
    held.close()
    held.close()
    allocator.hold([request(port)], "172.17.0.3").close()


def test_one_that_is_taken_gives_the_others_back() -> None:
    allocator, free = PortAllocator(), free_port()
    with socket.socket() as other:
        other.bind((OWN, 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(Internal) as caught:
            allocator.hold([request(free), request(taken)], "172.17.0.2")
    assert str(caught.value) == (
        f"failed to bind host port for 127.0.0.1:{taken}:172.17.0.2:80/tcp: address already in use"
    )
    assert caught.value.code == "port_in_use"
    allocator.hold([request(free)], "172.17.0.2").close()


def test_any_port_goes_on_from_the_last_one() -> None:
    allocator = PortAllocator(OWN)
    first = allocator.hold([request(None, "")], "172.17.0.2")
    first.close()
    second = allocator.hold([request(None, "")], "172.17.0.2")
    second.close()
    assert second.bindings[0].host_port > first.bindings[0].host_port


def test_both_protocols_of_one_number() -> None:
    allocator, port = PortAllocator(), free_port()
    held = allocator.hold([request(port), request(port, proto="udp")], "172.17.0.2")
    assert [binding.proto for binding in held.bindings] == ["tcp", "udp"]
    held.close()


def test_a_restart_reports_what_cannot_be_held_again() -> None:
    allocator, port = PortAllocator(), free_port()
    with socket.socket() as other:
        other.bind((OWN, 0))
        other.listen()
        taken = other.getsockname()[1]
        bindings = (PortBinding("tcp", 80, OWN, port), PortBinding("tcp", 80, OWN, taken))
        held, lost = allocator.hold_again(bindings)
    assert held.bindings == bindings[:1]
    assert lost == [f"cannot hold 127.0.0.1:{taken}/tcp: Address already in use"]
    held.close()
