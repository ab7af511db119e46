"""What a container uses. The only objects of the API whose names are in snake case."""

from __future__ import annotations

from corral.api.types.common import NO_TIME
from corral.api.types.wire import UNSET, LowerWire, UnsetType, field

__all__ = [
    "BlkioEntry",
    "BlkioStats",
    "CpuStats",
    "CpuUsage",
    "MemoryStats",
    "NetworkStats",
    "PidsStats",
    "PressureStats",
    "Stall",
    "StatsResponse",
    "StorageStats",
    "ThrottlingData",
]


class _Snake(LowerWire, rename="lower"):
    """Names as they are."""


class PidsStats(_Snake, omit_defaults=True):
    current: int = 0
    limit: int = 0


class BlkioEntry(_Snake):
    major: int
    minor: int
    op: str
    value: int


class BlkioStats(_Snake):
    """Lists of version 1 control groups, of which version 2 has only the first; null without a group."""

    io_service_bytes_recursive: list[BlkioEntry] | None = None
    io_serviced_recursive: list[BlkioEntry] | None = None
    io_queue_recursive: list[BlkioEntry] | None = None
    io_service_time_recursive: list[BlkioEntry] | None = None
    io_wait_time_recursive: list[BlkioEntry] | None = None
    io_merged_recursive: list[BlkioEntry] | None = None
    io_time_recursive: list[BlkioEntry] | None = None
    sectors_recursive: list[BlkioEntry] | None = None


class StorageStats(_Snake):
    """Of Windows containers."""


class CpuUsage(_Snake):
    """Nanoseconds."""

    total_usage: int = 0
    percpu_usage: list[int] | UnsetType = UNSET
    usage_in_kernelmode: int = 0
    usage_in_usermode: int = 0


class ThrottlingData(_Snake):
    """``throttled_time`` in nanoseconds."""

    periods: int = 0
    throttled_periods: int = 0
    throttled_time: int = 0


class CpuStats(_Snake):
    """``system_cpu_usage``: of the whole machine, in nanoseconds."""

    cpu_usage: CpuUsage = field(default_factory=CpuUsage)
    system_cpu_usage: int | UnsetType = UNSET
    online_cpus: int | UnsetType = UNSET
    throttling_data: ThrottlingData = field(default_factory=ThrottlingData)


class MemoryStats(_Snake):
    """Bytes. ``events``: how often the limits were hit and processes were killed; not in Docker's API."""

    usage: int | UnsetType = UNSET
    max_usage: int | UnsetType = UNSET
    stats: dict[str, int] | UnsetType = UNSET
    failcnt: int | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    events: dict[str, int] | UnsetType = UNSET


class NetworkStats(_Snake):
    """Of one interface."""

    rx_bytes: int = 0
    rx_packets: int = 0
    rx_errors: int = 0
    rx_dropped: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0
    tx_errors: int = 0
    tx_dropped: int = 0


class Stall(_Snake):
    """Percent of the last 10, 60 and 300 seconds; ``total`` in microseconds."""

    avg10: float = 0.0
    avg60: float = 0.0
    avg300: float = 0.0
    total: int = 0


class PressureStats(_Snake):
    """psi(5): ``some`` tasks waited, or ``full``: all of them at once."""

    some: Stall | UnsetType = UNSET
    full: Stall | UnsetType = UNSET


class StatsResponse(_Snake):
    """One sample and, in ``precpu_stats``, processor time of the one before. ``pressure_stats``: by resource (cpu,
    memory, io); not in Docker's API."""

    name: str | UnsetType = UNSET
    id: str | UnsetType = UNSET
    read: str = NO_TIME
    preread: str = NO_TIME
    pids_stats: PidsStats = field(default_factory=PidsStats)
    blkio_stats: BlkioStats = field(default_factory=BlkioStats)
    num_procs: int = 0
    storage_stats: StorageStats = field(default_factory=StorageStats)
    cpu_stats: CpuStats = field(default_factory=CpuStats)
    precpu_stats: CpuStats = field(default_factory=CpuStats)
    memory_stats: MemoryStats = field(default_factory=MemoryStats)
    networks: dict[str, NetworkStats] | UnsetType = UNSET
    pressure_stats: dict[str, PressureStats] | UnsetType = UNSET
