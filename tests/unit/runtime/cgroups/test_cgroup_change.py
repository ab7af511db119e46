"""Changes that can be taken back, and what an update does not say but means."""

from __future__ import annotations

from pathlib import Path

import pytest

from corral.errors import Invalid
from corral.oci.runtime import Cpu, Memory, Resources
from corral.runtime.cgroups.change import Change, restoring
from corral.runtime.cgroups.current import check_usage, complete_v2
from corral.runtime.cgroups.write import Write


@pytest.mark.parametrize(
    ("file", "value", "before", "restored"),
    [
        ("memory.max", "100", "max\n", "max"),
        ("memory.limit_in_bytes", "100", "9223372036854771712\n", "9223372036854771712"),
        ("memory.oom_control", "1", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "0"),
        ("cpu.max", "5000 10000", "max 100000\n", "max 100000"),
        ("cpuset.cpus", "0-1", "\n", "\n"),
        ("cpuset.cpus", "0-1", "0\n", "0"),
        ("io.max", "8:0 rbps=1", "8:16 rbps=2\n", "8:0 rbps=max wbps=max riops=max wiops=max"),
        ("io.max", "8:0 rbps=1", "8:0 rbps=9 wbps=7 riops=max wiops=max\n", "8:0 rbps=9 wbps=7 riops=max wiops=max"),
        ("io.weight", "default 50", "default 100\n8:0 200\n", "default 100"),
        ("io.weight", "8:0 50", "default 100\n", "8:0 default"),
        ("io.bfq.weight", "50", "default 100\n", "default 100"),
        ("io.latency", "8:0 target=10", "", "8:0 target=0"),
        ("blkio.throttle.read_bps_device", "8:0 1024", "", "8:0 0"),
        ("blkio.throttle.read_bps_device", "8:0 1024", "8:0 77\n", "8:0 77"),
        ("blkio.bfq.weight", "300", "100\n", "100"),
        ("net_prio.ifpriomap", "eth0 5", "lo 0\neth0 2\n", "eth0 2"),
        ("rdma.max", "mlx5_1 hca_handle=3", "mlx5_1 hca_handle=max\n", "mlx5_1 hca_handle=max"),
        ("hugetlb.2MB.max", "0", "max\n", "max"),
    ],
)
def test_what_puts_a_file_back(file: str, value: str, before: str, restored: str) -> None:
    assert restoring(file, value, before) == Write(file, restored)


def test_undo_restores_every_directory(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a/pids.max").write_text("7\n")
    (tmp_path / "b/blkio.bfq.weight").write_text("100\n")
    change = Change()
    change.apply(str(tmp_path / "a"), [Write("pids.max", "9"), Write("pids.none", "9", "no such limit")])
    change.apply(str(tmp_path / "b"), [Write("blkio.weight", "5", "", Write("blkio.bfq.weight", "5"))])
    assert (tmp_path / "a/pids.max").read_text().startswith("9")
    change.undo()
    assert (tmp_path / "a/pids.max").read_text().strip() == "7"
    assert (tmp_path / "b/blkio.bfq.weight").read_text().startswith("100")


def complete(resources: Resources, **files: str) -> Resources:
    return complete_v2(resources, lambda file: files.get(file.replace(".", "_"), ""))


def test_half_of_quota_and_period_leaves_the_other_half() -> None:
    period_only = complete(Resources(cpu=Cpu(period=50000)), cpu_max="20000 100000\n")
    assert period_only.cpu == Cpu(quota=20000, period=50000)
    assert complete(Resources(cpu=Cpu(period=50000)), cpu_max="max 100000\n").cpu == Cpu(quota=-1, period=50000)
    assert complete(Resources(cpu=Cpu(quota=5000)), cpu_max="max 20000\n").cpu == Cpu(quota=5000, period=20000)
    assert complete(Resources(cpu=Cpu(quota=5000))).cpu == Cpu(quota=5000)


def test_swap_alone_is_counted_from_the_memory_limit_of_now() -> None:
    assert complete(Resources(memory=Memory(swap=300)), memory_max="100\n").memory == Memory(limit=100, swap=300)
    assert complete(Resources(memory=Memory(swap=300)), memory_max="max\n").memory == Memory(swap=300)


def test_memory_alone_leaves_the_sum_with_swap() -> None:
    found = complete(Resources(memory=Memory(limit=150)), memory_max="100\n", memory_swap_max="100\n")
    assert found.memory == Memory(limit=150, swap=200)
    untouched = complete(Resources(memory=Memory(limit=150)), memory_max="100\n", memory_swap_max="max\n")
    assert untouched.memory == Memory(limit=150)


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        (Memory(limit=100, check_before_update=True), "rejecting memory limit 100 <= usage 100"),
        (Memory(limit=200, swap=100, check_before_update=True), "rejecting memory+swap limit 100 <= usage 100"),
        (Memory(limit=101, check_before_update=True), ""),
        (Memory(limit=50), ""),
    ],
)
def test_limit_below_what_is_used_is_refused_when_asked(memory: Memory, message: str) -> None:
    if not message:
        check_usage(memory, "100\n")
        return
    with pytest.raises(Invalid) as caught:
        check_usage(memory, "100\n")
    assert caught.value.message == message
