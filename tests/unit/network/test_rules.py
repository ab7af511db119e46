"""The table as it is computed: what is there for a network, and that nothing grows with endpoints."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from corral.linux.netlink.message import Request
from corral.network.firewall import rules
from corral.network.firewall.driver import BridgeRules, PublishedPort

BRIDGE = BridgeRules("corral0", IPv4Network("172.17.0.0/16"))


def port(host_port: int, host_ip: str = "0.0.0.0", proto: str = "tcp") -> PublishedPort:
    return PublishedPort(proto, IPv4Address(host_ip), host_port, IPv4Address("172.17.0.2"), 80)


def names(requests: list[Request]) -> list[str]:
    return [request.what for request in requests]


def test_sets_have_numbers_of_their_own_and_come_before_the_rules_that_use_them() -> None:
    said = names(rules.skeleton("corral"))
    assert said[0] == "add table corral"
    last_set = max(index for index, what in enumerate(said) if what.startswith("add set"))
    first_rule = min(index for index, what in enumerate(said) if what.startswith("add rule"))
    assert last_set < first_rule
    assert len(set(said[: last_set + 1])) == last_set + 1


def test_deleting_a_network_undoes_adding_it() -> None:
    for bridge in (BRIDGE, BridgeRules("int0", IPv4Network("10.0.0.0/24"), internal=True, icc=False)):
        added, deleted = names(rules.add_bridge("corral", bridge)), names(rules.delete_bridge("corral", bridge))
        chains = {what.split()[2] for what in added if what.startswith("add chain")}
        assert {what.split()[2] for what in deleted if what.startswith("delete chain")} == chains
        assert {what.split()[2] for what in deleted if what.startswith("flush chain")} == chains
        elements = sorted(what.split()[4] for what in added if what.startswith("add elements to set"))
        gone = sorted(what.split()[4] for what in deleted if what.startswith("delete elements of set"))
        assert elements == gone


def test_published_ports_are_elements_in_one_or_two_requests() -> None:
    many = [port(number) for number in range(8000, 8100)] + [port(number, "10.0.0.1") for number in range(8000, 8100)]
    assert names(rules.add_ports("corral", many)) == [
        "add elements to set publish of corral",
        "add elements to set publish_address of corral",
    ]
    assert rules.add_ports("corral", []) == []
    assert rules.delete_ports("corral", []) == []


def test_keys_tell_protocols_and_addresses_apart() -> None:
    assert rules.port_key(port(8080)) == bytes.fromhex("06000000 1f900000")
    assert rules.port_key(port(8080, proto="udp")) == bytes.fromhex("11000000 1f900000")
    assert rules.port_key(port(8080, "10.0.0.1")) == bytes.fromhex("0a000001 06000000 1f900000")
