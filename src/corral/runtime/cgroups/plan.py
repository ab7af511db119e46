"""From resources to what has to be done in which hierarchy: a pure function, and the data it returns.

A container joins only the controllers that it needs: memory, cpu and devices always (fairness between containers,
statistics, who may open what), version 2's core where it is mounted, and the others when a limit of theirs is asked
for. Each directory costs about 0.1 ms of every start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from corral.oci.runtime import Resources
from corral.runtime.cgroups import blkio, cpu, cpuset, devices, hugetlb, memory, network, pids, rdma, unified
from corral.runtime.cgroups.hierarchies import Hierarchies, Hierarchy
from corral.runtime.cgroups.write import Write

__all__ = ["Place", "Plan", "directory_of", "make_plan"]

_ALWAYS: Final = ("memory", "cpu", "devices")
_ALWAYS_V2: Final = ("memory", "cpu", "pids", "io")
"""There they cost a container nothing: enabling them is done once, in the group above."""
_WITHOUT_V2: Final = ("freezer", "cpuacct", "pids")
"""What version 2's core files make unnecessary: freezing, processor time, counting."""


@dataclass(frozen=True, slots=True)
class _Controller:
    name: str
    is_asked: Callable[[Resources], bool]
    v1: Callable[[Resources], list[Write]]
    v2: Callable[[Resources], list[Write]]
    warning: str


def _nothing(_: Resources) -> list[Write]:
    return []


_CONTROLLERS: Final = (
    _Controller("cpuset", cpuset.is_asked, cpuset.v1, cpuset.v2, cpuset.WARNING),
    _Controller("memory", memory.is_asked, memory.v1, memory.v2, memory.WARNING),
    _Controller("cpu", cpu.is_asked, cpu.v1, cpu.v2, cpu.WARNING),
    _Controller("pids", pids.is_asked, pids.v1, pids.v2, pids.WARNING),
    _Controller("blkio", blkio.is_asked, blkio.v1, blkio.v2, blkio.WARNING),
    _Controller("hugetlb", hugetlb.is_asked, hugetlb.v1, hugetlb.v2, hugetlb.WARNING),
    _Controller("net_cls", network.is_class_asked, network.v1_class, _nothing, network.CLASS_WARNING),
    _Controller("net_prio", network.is_priority_asked, network.v1_priority, _nothing, network.PRIORITY_WARNING),
    _Controller("rdma", rdma.is_asked, rdma.v1, rdma.v2, rdma.WARNING),
    _Controller("devices", devices.is_asked, devices.v1, _nothing, ""),
)


@dataclass(frozen=True, slots=True)
class Place:
    """The container's directory in one hierarchy and what to write there, in order."""

    hierarchy: Hierarchy
    directory: str
    writes: tuple[Write, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """``places``: version 2 first. ``enable``: for cgroup.subtree_control of every group above the container's."""

    places: tuple[Place, ...]
    enable: tuple[str, ...]
    warnings: tuple[str, ...]


def directory_of(hierarchy: Hierarchy, path: str) -> str:
    """``path``, with or without a leading slash, below the root of the hierarchy's mount."""
    return f"{hierarchy.mount_point}/{path.strip('/')}"


def make_plan(
    hierarchies: Hierarchies,
    path: str,
    resources: Resources,
    *,
    everything: bool = False,
    memory_v1: Callable[[Resources], list[Write]] = memory.v1,
) -> Plan:
    """``everything``: join every controller of the host, for a container that sees the hierarchies writable.

    ``memory_v1`` stands in for ``memory.v1`` when the group exists and the order of its writes depends on its limits.
    Raises Invalid.
    """
    writes: dict[Hierarchy, list[Write]] = {}
    wanted_v2: list[str] = []
    warnings: list[str] = []
    v2 = hierarchies.v2
    if v2 is not None:
        writes[v2] = []
        wanted_v2 += [name for name in _ALWAYS_V2 if name in v2.controllers]
        if everything:
            wanted_v2 += sorted(v2.controllers)
    for name in (*_ALWAYS, *(() if v2 else _WITHOUT_V2)):
        if (place := hierarchies.of(name)) is not None:
            writes.setdefault(place, [])
    if everything:
        for hierarchy in hierarchies.v1:
            writes.setdefault(hierarchy, [])
    for controller in _CONTROLLERS:
        asked = controller.is_asked(resources)
        place = hierarchies.of(controller.name)
        if place is None:
            # Without a devices hierarchy version 2's eBPF program does the work.
            if asked and controller.warning:
                warnings.append(controller.warning)
            continue
        if not asked and place not in writes:
            continue
        if place.version == 1:
            function = memory_v1 if controller.name == "memory" else controller.v1
            writes.setdefault(place, []).extend(function(resources))
        else:
            writes.setdefault(place, []).extend(controller.v2(resources))
            if asked:
                wanted_v2.append("io" if controller.name == "blkio" else controller.name)
    if unified.is_asked(resources):
        unified.check(resources, v2.controllers if v2 is not None else None)
        if v2 is not None:
            writes[v2].extend(unified.v2(resources))
            wanted_v2 += [c for c in (key.partition(".")[0] for key in resources.unified) if c in v2.controllers]
    places = tuple(Place(h, directory_of(h, path), tuple(w)) for h, w in writes.items())
    return Plan(places, tuple(dict.fromkeys(wanted_v2)), tuple(warnings))
