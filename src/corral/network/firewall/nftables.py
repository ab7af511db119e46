"""The nftables firewall: one table of our own, changed by atomic batches over netlink.

A batch takes some 0.05 ms; one that the kernel refuses takes it 50 ms to undo. So what is published is remembered, and
nothing is deleted that is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from corral.linux.netlink import conntrack
from corral.linux.netlink.connection import NETLINK_NETFILTER, Connection
from corral.linux.netlink.nftables import objects, transaction
from corral.network.firewall import rules
from corral.network.firewall.driver import BridgeRules, PublishedPort

__all__ = ["NftablesFirewall"]

_UDP: Final = 17


class NftablesFirewall:
    """Acts in the network namespace in which it was constructed. Raises OSError when the kernel has no nf_tables.

    ``reset`` comes first.
    """

    name = "nftables"
    filters = True

    def __init__(self, table: str) -> None:
        self._table = table
        self._connection = Connection(NETLINK_NETFILTER)
        self._bridges: dict[str, BridgeRules] = {}
        self._ports: set[PublishedPort] = set()

    def close(self) -> None:
        self._connection.close()

    def reset(self, bridges: Sequence[BridgeRules], ports: Sequence[PublishedPort]) -> None:
        # Added first, so that deleting cannot fail when there is none.
        requests = [objects.add_table(self._table), objects.delete_table(self._table)]
        requests += rules.skeleton(self._table, loopback=all(bridge.loopback for bridge in bridges))
        for bridge in bridges:
            requests += rules.add_bridge(self._table, bridge)
        requests += rules.add_ports(self._table, ports)
        transaction.commit(self._connection, requests)
        self._bridges = {bridge.interface: bridge for bridge in bridges}
        self._ports = set(ports)

    def add_bridge(self, bridge: BridgeRules) -> None:
        requests = []
        if bridge.interface in self._bridges:
            requests += rules.delete_bridge(self._table, self._bridges[bridge.interface])
        requests += rules.add_bridge(self._table, bridge)
        transaction.commit(self._connection, requests)
        self._bridges[bridge.interface] = bridge

    def delete_bridge(self, bridge: BridgeRules) -> None:
        if bridge.interface in self._bridges:
            transaction.commit(self._connection, rules.delete_bridge(self._table, self._bridges[bridge.interface]))
            del self._bridges[bridge.interface]

    def add_ports(self, ports: Sequence[PublishedPort]) -> None:
        transaction.commit(self._connection, rules.add_ports(self._table, ports))
        self._ports.update(ports)
        self._forget_flows(ports)

    def delete_ports(self, ports: Sequence[PublishedPort]) -> None:
        known = [port for port in ports if port in self._ports]
        transaction.commit(self._connection, rules.delete_ports(self._table, known))
        self._ports.difference_update(known)
        self._forget_flows(known)

    def clear(self) -> None:
        requests = [objects.add_table(self._table), objects.delete_table(self._table)]
        transaction.commit(self._connection, requests)
        self._bridges.clear()
        self._ports.clear()

    def _forget_flows(self, ports: Sequence[PublishedPort]) -> None:
        """Datagrams that go on coming from one socket would be translated as before, for ever."""
        numbers = {port.host_port for port in ports if port.proto == "udp"}
        if not numbers:
            return
        for flow in conntrack.every(self._connection):
            if flow.protocol == _UDP and flow.port in numbers:
                try:
                    self._connection.apply(conntrack.delete(flow))
                except FileNotFoundError:  # it has ended by itself
                    continue
