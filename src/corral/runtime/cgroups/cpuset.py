"""The cpuset controller: which processors and memory nodes, as lists like "0-2,7".

A new version 1 group has neither, and no process can enter it before it has both: what is not asked for is copied
from the parent. Version 2 inherits by itself.
"""

from __future__ import annotations

from typing import Final

from corral.oci.runtime import Resources
from corral.runtime.cgroups.write import Write

__all__ = ["WARNING", "inherit", "is_asked", "v1", "v2"]

WARNING: Final = "Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded."


def is_asked(resources: Resources) -> bool:
    return resources.cpu is not None and bool(resources.cpu.cpus or resources.cpu.mems)


def inherit(cpus: str, mems: str) -> list[Write]:
    """What a new version 1 group takes over, given its parent's own two values."""
    return [Write("cpuset.cpus", cpus.strip()), Write("cpuset.mems", mems.strip())]


def v1(resources: Resources) -> list[Write]:
    """Both versions have the same files."""
    cpu = resources.cpu
    if cpu is None:
        return []
    writes = []
    if cpu.cpus:
        writes.append(Write("cpuset.cpus", cpu.cpus, WARNING))
    if cpu.mems:
        writes.append(Write("cpuset.mems", cpu.mems, WARNING))
    return writes


v2 = v1
