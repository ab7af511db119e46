"""A sample in Docker's words: which numbers go where, and which are left out, for both versions of control groups."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from corral.api.types import stats as api
from corral.api.types.wire import UNSET
from corral.engine.stats.reader import Sample
from corral.image.when import render
from corral.runtime.cgroups import pressure
from corral.runtime.cgroups.stats import BlkioEntry, MemoryStats

__all__ = ["respond"]

_V1_COUNTED: Final = (
    "active_anon", "active_file", "cache", "dirty", "inactive_anon", "inactive_file", "mapped_file", "pgfault",
    "pgmajfault", "pgpgin", "pgpgout", "rss", "rss_huge", "unevictable", "writeback",
)  # fmt: skip
_V1: Final = (
    *_V1_COUNTED,
    *(f"total_{name}" for name in _V1_COUNTED),
    "hierarchical_memory_limit",
    "hierarchical_memsw_limit",
)
_V2: Final = (
    "active_anon", "active_file", "anon", "anon_thp", "file", "file_dirty", "file_mapped", "file_writeback",
    "inactive_anon", "inactive_file", "kernel_stack", "pgactivate", "pgdeactivate", "pgfault", "pglazyfree",
    "pglazyfreed", "pgmajfault", "pgrefill", "pgscan", "pgsteal", "shmem", "slab", "slab_reclaimable",
    "slab_unreclaimable", "sock", "thp_collapse_alloc", "thp_fault_alloc", "unevictable", "workingset_activate",
    "workingset_nodereclaim", "workingset_refault",
)  # fmt: skip
_SPLIT: Final = ("workingset_activate", "workingset_refault")
"""Counters that Linux 5.9 replaced by two, for anonymous memory and for files."""


def respond(name: str, id: str, sample: Sample | None, before: Sample | None, memory: int) -> api.StatsResponse:
    """``sample`` None: it does not run. ``before``: the sample before this one, if any; ``memory`` of the machine."""
    response = api.StatsResponse(name=f"/{name}", id=id)
    if before is not None:
        response.preread = render(before.at)
        response.precpu_stats = _cpu(before)
    if sample is None:
        return response
    group = sample.group
    response.read = render(sample.at)
    response.cpu_stats = _cpu(sample)
    response.pids_stats = api.PidsStats(current=group.pids.current, limit=group.pids.limit or 0)
    response.memory_stats = _memory(group.memory, memory)
    response.blkio_stats = _blkio(sample)
    if sample.interfaces:
        response.networks = {
            name: api.NetworkStats(**dataclasses.asdict(counters)) for name, counters in sample.interfaces.items()
        }
    if group.pressure:
        response.pressure_stats = {resource: _pressure(found) for resource, found in group.pressure.items()}
    return response


def _cpu(sample: Sample) -> api.CpuStats:
    cpu = sample.group.cpu
    return api.CpuStats(
        cpu_usage=api.CpuUsage(
            total_usage=cpu.total,
            percpu_usage=list(cpu.percpu) if cpu.percpu else UNSET,
            usage_in_kernelmode=cpu.system,
            usage_in_usermode=cpu.user,
        ),
        system_cpu_usage=sample.system,
        online_cpus=sample.online_cpus,
        throttling_data=api.ThrottlingData(cpu.periods, cpu.throttled_periods, cpu.throttled_time),
    )


def _memory(memory: MemoryStats, machine: int) -> api.MemoryStats:
    """Without a limit of its own the machine's memory is the limit."""
    if not memory.version:
        return api.MemoryStats()
    limit = machine if memory.limit is None else min(memory.limit, machine)
    if memory.version == 1:
        numbers = {key: memory.stat[key] for key in sorted(_V1) if key in memory.stat}
        failures = memory.failcnt
    else:
        numbers = {key: _v2_number(memory.stat, key) for key in _V2}
        failures = memory.events.get("oom", 0)
    return api.MemoryStats(
        usage=memory.usage,
        max_usage=memory.max_usage if memory.version == 1 else UNSET,
        stats=numbers,
        failcnt=failures or UNSET,
        limit=limit,
        events=memory.events or UNSET,
    )


def _v2_number(stat: dict[str, int], key: str) -> int:
    if key in stat or key not in _SPLIT:
        return stat.get(key, 0)
    return stat.get(f"{key}_anon", 0) + stat.get(f"{key}_file", 0)


def _blkio(sample: Sample) -> api.BlkioStats:
    """Version 1 has lists that are empty, version 2 has only one."""
    group = sample.group
    if group.io_version == 2:
        return api.BlkioStats(io_service_bytes_recursive=_entries(group.io_bytes))
    return api.BlkioStats(_entries(group.io_bytes), _entries(group.io_operations), [], [], [], [], [], [])


def _entries(entries: Iterable[BlkioEntry]) -> list[api.BlkioEntry]:
    return [api.BlkioEntry(entry.major, entry.minor, entry.op, entry.value) for entry in entries]


def _pressure(found: pressure.Pressure) -> api.PressureStats:
    stats = api.PressureStats()
    if found.some is not None:
        stats.some = api.Stall(**dataclasses.asdict(found.some))
    if found.full is not None:
        stats.full = api.Stall(**dataclasses.asdict(found.full))
    return stats
