"""A group's numbers of the moment: memory, processor time, processes, block I/O, pressure. Nanoseconds and bytes.

What cannot be read is zero, or None where zero would be a claim (limits).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from corral.runtime.cgroups import pressure, tree
from corral.runtime.cgroups.hierarchies import Hierarchies
from corral.runtime.cgroups.plan import directory_of
from corral.runtime.cgroups.write import read_text

__all__ = ["BlkioEntry", "CgroupStats", "CpuStats", "MemoryStats", "PidsStats", "collect"]

_UNLIMITED = 1 << 60


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """``limit`` None: unlimited. ``stat`` is memory.stat, whose names differ between the versions.

    ``events``: how often what happened, by the names of version 2's memory.events; version 1 knows "max" (the limit
    was hit, which is ``failcnt``) and "oom_kill". ``version`` 0: the group is not in the memory controller.
    """

    usage: int = 0
    max_usage: int = 0
    limit: int | None = None
    failcnt: int = 0
    stat: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    version: int = 0


@dataclass(frozen=True, slots=True)
class CpuStats:
    total: int = 0
    user: int = 0
    system: int = 0
    percpu: tuple[int, ...] = ()
    periods: int = 0
    throttled_periods: int = 0
    throttled_time: int = 0


@dataclass(frozen=True, slots=True)
class PidsStats:
    """``limit`` None: unlimited."""

    current: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class BlkioEntry:
    """``op`` as the kernel has it: "read" or "write" in version 2, "Read", "Write", "Sync", "Total"... in version 1."""

    major: int
    minor: int
    op: str
    value: int


@dataclass(frozen=True, slots=True)
class CgroupStats:
    """``exists``: the group is there. ``io_version`` 0: block I/O is not accounted here. ``pressure`` by resource."""

    version: int
    exists: bool
    memory: MemoryStats
    cpu: CpuStats
    pids: PidsStats
    io_bytes: tuple[BlkioEntry, ...] = ()
    io_operations: tuple[BlkioEntry, ...] = ()
    io_version: int = 0
    pressure: dict[str, pressure.Pressure] = field(default_factory=dict)


def collect(hierarchies: Hierarchies, path: str) -> CgroupStats:
    """Read what is there; a group that is gone gives zeros."""
    memory_at, cpu_at = hierarchies.of("memory"), hierarchies.of("cpu")
    v2 = directory_of(hierarchies.v2, path) if hierarchies.v2 is not None else None
    memory = MemoryStats()
    if memory_at is not None:
        directory = directory_of(memory_at, path)
        memory = _memory_v1(directory) if memory_at.version == 1 else _memory_v2(directory)
    io_bytes, io_operations = _blkio(hierarchies, path)
    io_at = hierarchies.of("blkio")
    return CgroupStats(
        version=2 if memory_at is not None and memory_at.version == 2 else 1,
        exists=memory.version != 0 or (v2 is not None and os.path.isdir(v2)),
        memory=memory,
        cpu=_cpu(hierarchies, path, v2, directory_of(cpu_at, path) if cpu_at is not None else None),
        pids=_pids(hierarchies, path, v2),
        io_bytes=io_bytes,
        io_operations=io_operations,
        io_version=0 if io_at is None else io_at.version,
        pressure={} if v2 is None else _pressure(v2),
    )


def _memory_v1(directory: str) -> MemoryStats:
    stat = _pairs(f"{directory}/memory.stat")
    if not stat:
        return MemoryStats()
    failcnt = _number(f"{directory}/memory.failcnt")
    limit = _number(f"{directory}/memory.limit_in_bytes")
    return MemoryStats(
        version=1,
        usage=_number(f"{directory}/memory.usage_in_bytes"),
        max_usage=_number(f"{directory}/memory.max_usage_in_bytes"),
        limit=limit if 0 < limit < _UNLIMITED else None,
        failcnt=failcnt,
        stat=stat,
        events={"max": failcnt, "oom_kill": _pairs(f"{directory}/memory.oom_control").get("oom_kill", 0)},
    )


def _memory_v2(directory: str) -> MemoryStats:
    stat = _pairs(f"{directory}/memory.stat")
    if not stat:
        return MemoryStats()
    limit = _text(f"{directory}/memory.max").strip()
    events = _pairs(f"{directory}/memory.events")
    return MemoryStats(
        version=2,
        usage=_number(f"{directory}/memory.current"),
        max_usage=_number(f"{directory}/memory.peak"),
        limit=int(limit) if limit.isdigit() else None,
        failcnt=events.get("max", 0),
        stat=stat,
        events=events,
    )


def _cpu(hierarchies: Hierarchies, path: str, v2: str | None, cpu: str | None) -> CpuStats:
    """Version 2's cpu.stat is a core file, there without the controller; throttling is where the controller is."""
    throttling = _pairs(f"{cpu}/cpu.stat") if cpu is not None else {}
    throttled_time = throttling.get("throttled_time", throttling.get("throttled_usec", 0) * 1000)
    accounting = hierarchies.of("cpuacct")
    total = user = system = 0
    percpu: tuple[int, ...] = ()
    if v2 is not None:
        core = _pairs(f"{v2}/cpu.stat")
        total, user, system = (core.get(key, 0) * 1000 for key in ("usage_usec", "user_usec", "system_usec"))
    elif accounting is not None:
        directory = directory_of(accounting, path)
        total, user, system = (_number(f"{directory}/cpuacct.usage{suffix}") for suffix in ("", "_user", "_sys"))
        percpu = tuple(int(n) for n in _text(f"{directory}/cpuacct.usage_percpu").split())
    return CpuStats(
        total=total,
        user=user,
        system=system,
        percpu=percpu,
        periods=throttling.get("nr_periods", 0),
        throttled_periods=throttling.get("nr_throttled", 0),
        throttled_time=throttled_time,
    )


def _pids(hierarchies: Hierarchies, path: str, v2: str | None) -> PidsStats:
    place = hierarchies.of("pids")
    if place is not None:
        directory = directory_of(place, path)
        current = _text(f"{directory}/pids.current").strip()
        if current:
            limit = _text(f"{directory}/pids.max").strip()
            return PidsStats(int(current), int(limit) if limit.isdigit() else None)
    if v2 is None:
        return PidsStats()
    threads = [_text(f"{group}/cgroup.threads") for group in (v2, *tree.descendants(v2))]
    return PidsStats(sum(text.count("\n") for text in threads))


def _blkio(hierarchies: Hierarchies, path: str) -> tuple[tuple[BlkioEntry, ...], tuple[BlkioEntry, ...]]:
    place = hierarchies.of("blkio")
    if place is None:
        return (), ()
    directory = directory_of(place, path)
    if place.version == 2:
        return _io_stat(_text(f"{directory}/io.stat"))
    return (
        _blkio_v1(_text(f"{directory}/blkio.throttle.io_service_bytes_recursive")),
        _blkio_v1(_text(f"{directory}/blkio.throttle.io_serviced_recursive")),
    )


def _blkio_v1(text: str) -> tuple[BlkioEntry, ...]:
    """Lines ``MAJOR:MINOR Operation N``; the line ``Total N``, of all devices, is left out."""
    entries = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 3:
            major, _, minor = fields[0].partition(":")
            entries.append(BlkioEntry(int(major), int(minor), fields[1], int(fields[2])))
    return tuple(entries)


def _io_stat(text: str) -> tuple[tuple[BlkioEntry, ...], tuple[BlkioEntry, ...]]:
    """Lines ``MAJOR:MINOR rbytes=N wbytes=N rios=N wios=N ...`` -> bytes, operations."""
    names = {"rbytes": "read", "wbytes": "write", "rios": "read", "wios": "write"}
    sizes: list[BlkioEntry] = []
    operations: list[BlkioEntry] = []
    for line in text.splitlines():
        device, *pairs = line.split()
        major, _, minor = device.partition(":")
        for pair in pairs:
            key, _, value = pair.partition("=")
            if key in names:
                entry = BlkioEntry(int(major), int(minor), names[key], int(value))
                (sizes if key.endswith("bytes") else operations).append(entry)
    return tuple(sizes), tuple(operations)


def _pressure(directory: str) -> dict[str, pressure.Pressure]:
    """Empty where the kernel accounts none (CONFIG_PSI, psi=0, cgroup.pressure)."""
    texts = {resource: _text(f"{directory}/{resource}.pressure") for resource in pressure.RESOURCES}
    return {resource: pressure.parse(text) for resource, text in texts.items() if text}


def _text(path: str) -> str:
    try:
        return read_text(path)
    except OSError:
        return ""


def _number(path: str) -> int:
    text = _text(path).strip()
    return int(text) if text.isdigit() else 0


def _pairs(path: str) -> dict[str, int]:
    """A file of lines ``name number``."""
    pairs = {}
    for line in _text(path).splitlines():
        name, _, value = line.partition(" ")
        if value.isdigit():
            pairs[name] = int(value)
    return pairs
