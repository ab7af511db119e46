"""Scopes of a real systemd, with each way of seeing control groups that this machine allows."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import systemd as systems
from support.systemd import System

pytestmark = pytest.mark.requires("root", "cgroup")

MEGABYTE = 1 << 20


@pytest.fixture(params=systems.VIEWS)
def system(request: pytest.FixtureRequest, mark: str) -> Iterator[System]:
    if reason := systems.missing(request.param):
        pytest.skip(reason)
    with systems.running(request.param, mark) as running:
        yield running


def test_scope_from_start_to_end(system: System) -> None:
    scenario = Path(__file__).parents[2] / "support/systemd_scenario.py"
    seen: dict[str, Any] = json.loads(system.run(sys.executable, scenario).stdout)
    v1 = system.view != "unified"

    assert seen.pop("cgroups") == ["/test.slice/test-corral.slice/corral-abc.scope"]
    limits = {
        "MemoryLimit" if v1 else "MemoryMax": str(64 * MEGABYTE),
        "CPUShares" if v1 else "CPUWeight": "1024" if v1 else "100",
    }
    others = {"MemoryMax": "infinity", "CPUWeight": "[not set]"} if v1 else {"CPUShares": "[not set]"}
    created = seen.pop("created")
    assert created.items() >= (limits | others).items()
    assert (
        created.items()
        >= {
            "ActiveState": "active",
            "Slice": "test-corral.slice",
            "Delegate": "yes",
            "TasksMax": "33",
            "CPUQuotaPerSecUSec": "130ms",  # in whole per cents
            "DevicePolicy": "strict",
            "TimeoutStopUSec": "7s",
        }.items()
    )
    assert v1 or created["MemorySwapMax"] == str(32 * MEGABYTE)
    updated = created | {"TasksMax": "44"}
    updated |= (
        {"MemoryLimit": str(80 * MEGABYTE), "CPUShares": "512"}
        if v1
        else {"MemoryMax": str(80 * MEGABYTE), "MemorySwapMax": str(16 * MEGABYTE), "CPUWeight": "59"}
    )
    assert seen.pop("updated") == updated
    assert seen.pop("files") == [str(64 * MEGABYTE), "33", "12345", "1024" if v1 else "100"]
    after = [str(80 * MEGABYTE), "44", "12345", "512" if v1 else "59"]
    assert seen.pop("told") == after
    # It has read its own words again, which are whole per cents.
    assert seen.pop("daemon-reload") in (after, [*after[:2], "13000", after[3]])
    assert seen.pop("daemon-reexec") in (after, [*after[:2], "13000", after[3]])
    assert v1 or seen.pop("memory.high") == str(48 * MEGABYTE)
    assert ("cannot use unified" if system.view == "legacy" else "cgroup.max.depth") in seen.pop("refused")
    assert ("cannot use unified" if system.view == "legacy" else "memory.max") in seen.pop("wrong")
    assert seen == {
        "warnings": [],
        "pids": True,
        "after refusal": ["44", "44"],
        "frozen": [False, True],
        "kmsg": "Operation not permitted",
        "killed": True,
        "deleted": ["inactive", "inactive"],
        "left": [],
        "after wrong": ["inactive", 0],
    }
