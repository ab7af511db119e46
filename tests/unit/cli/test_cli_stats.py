"""What numbers of the API mean to people, as the docker client has it."""

from __future__ import annotations

import pytest

from corral.cli.container.usage import VIEW, Usage, cpu_percent, memory_used

BUSY = {"cpu_usage": {"total_usage": 1_500}, "system_cpu_usage": 4_000, "online_cpus": 2}
BEFORE = {"cpu_usage": {"total_usage": 500}, "system_cpu_usage": 2_000, "online_cpus": 2}


def cells(usage: Usage) -> dict[str, object]:
    return {name: column.value(usage) for name, column in VIEW.columns.items() if not column.keyed}


def test_two_busy_processors_are_two_hundred_percent() -> None:
    assert cpu_percent(BUSY, BEFORE) == 100.0  # type: ignore[arg-type]
    everything = {**BUSY, "cpu_usage": {"total_usage": 2_500}}
    assert cpu_percent(everything, BEFORE) == 200.0  # type: ignore[arg-type]


def test_old_daemons_do_not_tell_how_many_processors_are_online() -> None:
    old = {"cpu_usage": {"total_usage": 1_500, "percpu_usage": [1, 2, 3, 4]}, "system_cpu_usage": 4_000}
    assert cpu_percent(old, BEFORE) == 200.0  # type: ignore[arg-type]


@pytest.mark.parametrize("before", [BUSY, {**BUSY, "cpu_usage": {"total_usage": 9_999}}])
def test_no_time_passed_is_no_division_by_zero(before: object) -> None:
    assert cpu_percent(BUSY, before) == 0.0  # type: ignore[arg-type]
    assert cpu_percent({}, {}) == 0.0


@pytest.mark.parametrize(
    ("memory", "used"),
    [
        ({"usage": 100, "stats": {"total_inactive_file": 30, "inactive_file": 10}}, 70),
        ({"usage": 100, "stats": {"inactive_file": 10}}, 90),
        ({"usage": 100, "stats": {"inactive_file": 100}}, 100),
        ({"usage": 100}, 100),
        ({}, 0),
    ],
)
def test_page_cache_is_not_counted(memory: object, used: int) -> None:
    assert memory_used(memory) == used  # type: ignore[arg-type]


def test_a_row() -> None:
    stats = {
        "id": "f" * 64,
        "name": "/web",
        "cpu_stats": BUSY,
        "precpu_stats": BEFORE,
        "memory_stats": {"usage": 3 << 20, "limit": 64 << 20, "stats": {"inactive_file": 1 << 20}},
        "pids_stats": {"current": 7},
        "networks": {"eth0": {"rx_bytes": 1500, "tx_bytes": 10}, "eth1": {"rx_bytes": 500}},
        "blkio_stats": {
            "io_service_bytes_recursive": [
                {"op": "Read", "value": 21_774_336},
                {"op": "write", "value": 7},
                {"op": "Total", "value": 99},
                {"op": "", "value": 5},
            ]
        },
        "pressure_stats": {"cpu": {"some": {"avg10": 12.5}, "full": {"avg10": 0.0}}, "io": {"some": {"avg10": 1.0}}},
    }
    stats["memory_stats"]["events"] = {"oom_kill": 3}  # type: ignore[index]
    assert cells(Usage("web", stats, truncate=True)) == {  # type: ignore[arg-type]
        "Container": "web",
        "ID": "f" * 12,
        "Name": "web",
        "CPUPerc": "100.00%",
        "MemUsage": "2MiB / 64MiB",
        "MemPerc": "3.12%",
        "NetIO": "2kB / 10B",
        "BlockIO": "21.8MB / 7B",
        "PIDs": "7",
        "CPUPressure": "12.50% / 0.00%",
        "MemPressure": "--",
        "IOPressure": "1.00% / --",
        "OOMKills": "3",
    }


def test_a_row_without_numbers_is_dashes() -> None:
    found = cells(Usage("web", None, truncate=True))
    assert found.pop("Container") == "web"
    assert found.pop("ID") == ""
    assert found.pop("MemUsage") == "-- / --"
    assert set(found.values()) == {"--"}


def test_a_stopped_container_uses_nothing() -> None:
    found = cells(Usage("web", {"id": "f" * 64, "name": "/web", "memory_stats": {}}, truncate=False))
    assert found["ID"] == "f" * 64
    assert (found["CPUPerc"], found["MemUsage"], found["MemPerc"]) == ("0.00%", "0B / 0B", "0.00%")
    assert (found["NetIO"], found["BlockIO"], found["PIDs"]) == ("0B / 0B", "0B / 0B", "0")
