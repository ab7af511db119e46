"""net_cls and net_prio, version 1 only: a mark on packets for tc(8) and iptables, and queue priorities per interface.

Version 2 has no such controllers: there firewall rules match a group itself (``socket cgroupv2`` of nft(8)).
"""

from __future__ import annotations

from typing import Final

from corral.oci.runtime import Resources
from corral.runtime.cgroups.write import Write

__all__ = ["CLASS_WARNING", "PRIORITY_WARNING", "is_class_asked", "is_priority_asked", "v1_class", "v1_priority"]

CLASS_WARNING: Final = "Your kernel does not support cgroup net_cls or it is not mounted. Network class discarded."
PRIORITY_WARNING: Final = "Your kernel does not support cgroup net_prio or it is not mounted. Priorities discarded."


def is_class_asked(resources: Resources) -> bool:
    return resources.network is not None and bool(resources.network.class_id)


def is_priority_asked(resources: Resources) -> bool:
    return resources.network is not None and bool(resources.network.priorities)


def v1_class(resources: Resources) -> list[Write]:
    if resources.network is None or not resources.network.class_id:
        return []
    return [Write("net_cls.classid", str(resources.network.class_id), CLASS_WARNING)]


def v1_priority(resources: Resources) -> list[Write]:
    """The interfaces are those of the network namespace in which the write is done."""
    if resources.network is None:
        return []
    return [
        Write("net_prio.ifpriomap", f"{entry.name} {entry.priority}", PRIORITY_WARNING)
        for entry in resources.network.priorities
    ]
