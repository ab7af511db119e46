"""Samples in Docker's words, against answers that Docker 28 gave."""

from __future__ import annotations

import json
from typing import Any

from corral.api.types.wire import encode
from corral.engine.stats.interfaces import Interface
from corral.engine.stats.reader import Sample
from corral.engine.stats.view import respond
from corral.runtime.cgroups.pressure import Pressure, Stall
from corral.runtime.cgroups.stats import BlkioEntry, CgroupStats, CpuStats, MemoryStats, PidsStats

MACHINE = 8 << 30
SECOND = 1_000_000_000
RESTING = (
    '{"name":"/web","id":"i","read":"0001-01-01T00:00:00Z","preread":"0001-01-01T00:00:00Z","pids_stats":{},'
    '"blkio_stats":{"io_service_bytes_recursive":null,"io_serviced_recursive":null,"io_queue_recursive":null,'
    '"io_service_time_recursive":null,"io_wait_time_recursive":null,"io_merged_recursive":null,'
    '"io_time_recursive":null,"sectors_recursive":null},"num_procs":0,"storage_stats":{},"cpu_stats":{"cpu_usage":'
    '{"total_usage":0,"usage_in_kernelmode":0,"usage_in_usermode":0},"throttling_data":{"periods":0,'
    '"throttled_periods":0,"throttled_time":0}},"precpu_stats":{"cpu_usage":{"total_usage":0,'
    '"usage_in_kernelmode":0,"usage_in_usermode":0},"throttling_data":{"periods":0,"throttled_periods":0,'
    '"throttled_time":0}},"memory_stats":{}}'
)


def group(version: int, memory: MemoryStats, **fields: Any) -> CgroupStats:
    numbers = {"cpu": CpuStats(70, 40, 30), "pids": PidsStats(3), **fields}
    return CgroupStats(version=version, exists=True, memory=memory, **numbers)


def shown(sample: Sample | None, before: Sample | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode(respond("web", "i", sample, before, MACHINE)))
    return found


def test_what_does_not_run_is_told_as_docker_tells_it() -> None:
    assert encode(respond("web", "i", None, None, MACHINE)).decode() == RESTING


def test_version_1() -> None:
    stat = {"cache": 5, "total_cache": 6, "hierarchical_memsw_limit": 9, "pgscan_direct": 1}
    memory = MemoryStats(1000, 2000, 4096, 3, stat, {"max": 3, "oom_kill": 1}, 1)
    entry = BlkioEntry(8, 0, "Read", 1)
    made = group(1, memory, io_version=1, io_bytes=(entry,), cpu=CpuStats(70, 40, 30, (30, 40)), pids=PidsStats(3, 9))
    found = shown(Sample(2 * SECOND, made, 500, 2, {}))
    assert found["memory_stats"] == {
        "usage": 1000,
        "max_usage": 2000,
        "stats": {"cache": 5, "hierarchical_memsw_limit": 9, "total_cache": 6},
        "failcnt": 3,
        "limit": 4096,
        "events": {"max": 3, "oom_kill": 1},
    }
    assert found["pids_stats"] == {"current": 3, "limit": 9}
    blkio = found["blkio_stats"]
    assert blkio.pop("io_service_bytes_recursive") == [{"major": 8, "minor": 0, "op": "Read", "value": 1}]
    assert list(blkio.values()) == [[]] * 7
    assert found["cpu_stats"]["cpu_usage"]["percpu_usage"] == [30, 40]
    assert found["read"] == "1970-01-01T00:00:02Z"
    assert "networks" not in found
    assert "pressure_stats" not in found


def test_version_2() -> None:
    stat = {"anon": 5, "file": 6, "workingset_refault_anon": 1, "workingset_refault_file": 2, "zswap": 7}
    made = group(2, MemoryStats(1000, 2000, None, 0, stat, {"oom": 4}, 2), io_version=2)
    found = shown(Sample(SECOND // 2, made, 500, 2, {}))
    memory = found["memory_stats"]
    assert set(memory) == {"usage", "stats", "failcnt", "limit", "events"}
    assert (memory["limit"], memory["failcnt"]) == (MACHINE, 4)
    assert len(memory["stats"]) == 31
    assert (memory["stats"]["anon"], memory["stats"]["sock"], memory["stats"]["workingset_refault"]) == (5, 0, 3)
    assert found["pids_stats"] == {"current": 3}
    assert found["blkio_stats"]["io_service_bytes_recursive"] == []
    assert found["blkio_stats"]["io_serviced_recursive"] is None
    assert "percpu_usage" not in found["cpu_stats"]["cpu_usage"]
    assert found["read"] == "1970-01-01T00:00:00.5Z"


def test_a_limit_above_the_machine_is_the_machine() -> None:
    memory = MemoryStats(1, 1, MACHINE * 2, 0, {"anon": 1}, {}, 2)
    assert shown(Sample(1, group(2, memory), 1, 1, {}))["memory_stats"]["limit"] == MACHINE


def test_a_host_without_the_memory_controller_claims_nothing() -> None:
    assert shown(Sample(1, group(1, MemoryStats()), 1, 1, {}))["memory_stats"] == {}


def test_the_sample_before_is_in_precpu_stats() -> None:
    before, now = (Sample(at * SECOND, group(2, MemoryStats()), at, 2, {}) for at in (1, 2))
    found = shown(now, before)
    assert found["preread"] == "1970-01-01T00:00:01Z"
    assert found["precpu_stats"]["system_cpu_usage"] == 1
    assert found["cpu_stats"]["system_cpu_usage"] == 2
    assert "system_cpu_usage" not in shown(now)["precpu_stats"]


def test_networks_and_pressure() -> None:
    made = group(2, MemoryStats(), pressure={"cpu": Pressure(Stall(1.5, 0, 0, 77)), "io": Pressure()})
    found = shown(Sample(1, made, 1, 2, {"eth0": Interface(1, 2, 3, 4, 5, 6, 7, 8)}))
    assert list(found["networks"]["eth0"].items()) == [
        ("rx_bytes", 1), ("rx_packets", 2), ("rx_errors", 3), ("rx_dropped", 4),
        ("tx_bytes", 5), ("tx_packets", 6), ("tx_errors", 7), ("tx_dropped", 8),
    ]  # fmt: skip
    assert found["pressure_stats"] == {
        "cpu": {"some": {"avg10": 1.5, "avg60": 0, "avg300": 0, "total": 77}},
        "io": {},
    }
