"""No firewall: for ``--iptables=false``. Ports are served by the proxy alone; isolation is the administrator's."""

from __future__ import annotations

from collections.abc import Sequence

from corral.network.firewall.driver import BridgeRules, PublishedPort

__all__ = ["NoFirewall"]


class NoFirewall:
    name = "none"
    filters = False

    def reset(self, bridges: Sequence[BridgeRules], ports: Sequence[PublishedPort]) -> None:
        pass

    def add_bridge(self, bridge: BridgeRules) -> None:
        pass

    def delete_bridge(self, bridge: BridgeRules) -> None:
        pass

    def add_ports(self, ports: Sequence[PublishedPort]) -> None:
        pass

    def delete_ports(self, ports: Sequence[PublishedPort]) -> None:
        pass

    def clear(self) -> None:
        pass

    def close(self) -> None:
        pass
