"""What the control groups of this host can limit, in the terms in which Docker reports it (``docker info``).

Version 1 shows by files in the root of each hierarchy; version 2's root has no such files, so there the controller
speaks for what every kernel that has it can do.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from corral.runtime.cgroups.hierarchies import Hierarchies

__all__ = ["Support", "probe"]


@dataclass(frozen=True, slots=True)
class Support:
    """``version``: 2 when version 2 has the memory controller (or everything), else 1; 0 when nothing is mounted."""

    version: int
    memory_limit: bool
    swap_limit: bool
    memory_reservation: bool
    memory_swappiness: bool
    oom_kill_disable: bool
    kernel_memory_tcp: bool
    cpu_shares: bool
    cpu_cfs: bool
    cpu_realtime: bool
    cpuset: bool
    pids_limit: bool
    blkio_weight: bool
    blkio_throttle: bool
    devices: bool


def probe(hierarchies: Hierarchies, exists: Callable[[str], bool] = os.path.exists) -> Support:
    """Look at the root directories of the hierarchies."""

    def has(controller: str, *v1_files: str, v2: bool = True) -> bool:
        place = hierarchies.of(controller)
        if place is None:
            return False
        if place.version == 2:
            return v2
        return any(exists(f"{place.mount_point}/{file}") for file in v1_files) if v1_files else True

    memory = hierarchies.of("memory")
    if memory is not None:
        version = memory.version
    elif hierarchies.v1:
        version = 1
    else:
        version = 2 if hierarchies.v2 is not None else 0
    return Support(
        version=version,
        memory_limit=has("memory"),
        swap_limit=has("memory", "memory.memsw.limit_in_bytes", v2=exists("/proc/swaps")),
        memory_reservation=has("memory", "memory.soft_limit_in_bytes"),
        memory_swappiness=has("memory", "memory.swappiness", v2=False),
        oom_kill_disable=has("memory", "memory.oom_control", v2=False),
        kernel_memory_tcp=has("memory", "memory.kmem.tcp.limit_in_bytes", v2=False),
        cpu_shares=has("cpu", "cpu.shares"),
        cpu_cfs=has("cpu", "cpu.cfs_quota_us"),
        cpu_realtime=has("cpu", "cpu.rt_runtime_us", v2=False),
        cpuset=has("cpuset"),
        pids_limit=has("pids"),
        blkio_weight=has("blkio", "blkio.weight", "blkio.bfq.weight"),
        blkio_throttle=has("blkio", "blkio.throttle.read_bps_device"),
        devices=has("devices") or (hierarchies.v2 is not None and not hierarchies.has_v1("devices")),
    )
