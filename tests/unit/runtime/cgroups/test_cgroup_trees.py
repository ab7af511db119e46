"""Whole containers on the files of real kernels, recorded: version 1 alone, and version 2 alone.

``recorded/v1.json``: a new group in each hierarchy of Linux 6.18, with those controllers added that it has in version 2
or not at all. ``recorded/v2.json``: a new group of Debian's Linux 6.12. Files are files here: what a kernel refuses is
played by ``refuse``.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import signal
from pathlib import Path

import pytest

from corral.errors import Invalid
from corral.oci.runtime import (
    BlockIO,
    Cpu,
    DeviceRule,
    HugepageLimit,
    InterfacePriority,
    Memory,
    NetworkResources,
    Pids,
    Rdma,
    Resources,
    ThrottleDevice,
    WeightDevice,
)
from corral.runtime.cgroups import Cgroup, Hierarchies, memory, network, write
from corral.runtime.cgroups.hierarchies import Hierarchy

MEGABYTE = 1 << 20
EVERYTHING = Resources(
    memory=Memory(
        limit=64 * MEGABYTE,
        swap=96 * MEGABYTE,
        reservation=32 * MEGABYTE,
        kernel=16 * MEGABYTE,
        kernel_tcp=8 * MEGABYTE,
        swappiness=10,
        disable_oom_killer=True,
    ),
    cpu=Cpu(shares=512, quota=50_000, period=100_000, burst=1000, cpus="0", mems="0"),
    pids=Pids(33),
    block_io=BlockIO(
        weight=500,
        weight_device=(WeightDevice(8, 0, 300),),
        throttle_read_bps_device=(ThrottleDevice(8, 0, 1024),),
        throttle_write_iops_device=(ThrottleDevice(8, 0, 10),),
    ),
    hugepage_limits=(HugepageLimit("2MB", 4 * MEGABYTE),),
    network=NetworkResources(0x100001, (InterfacePriority("lo", 5),)),
    rdma={"mlx5_1": Rdma(3, 10_000)},
)
DENY = (DeviceRule(False, "a", access="rwm"), DeviceRule(True, "c", 1, 3, "rwm"))


class Kernel:
    """A recorded tree in a directory. ``written``: (file, text) in order, ``refuse``: what fails with EINVAL."""

    def __init__(self, name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        recorded = json.loads((Path(__file__).parent / f"recorded/{name}.json").read_text())
        self.root = root
        self.written: list[tuple[str, str]] = []
        self.refuse: set[tuple[str, str]] = set()
        hierarchies = []
        for controllers, files in recorded.items():
            top = root / controllers.replace("name=", "")
            for directory in (top, top / "corral", top / "corral/x"):
                directory.mkdir(parents=True)
                for file, text in files.items():
                    (directory / file).write_text(text)
            if name == "v2":
                names = frozenset(files["cgroup.controllers"].split())
                (top / "cgroup.subtree_control").write_text(files["cgroup.controllers"])
                (top / "corral/cgroup.subtree_control").write_text(files["cgroup.controllers"])
                hierarchies.append(Hierarchy(str(top), 2, names))
            else:
                hierarchies.append(Hierarchy(str(top), 1, frozenset(controllers.split(","))))
        v2 = hierarchies.pop() if name == "v2" else None
        self.cgroup = Cgroup.at(Hierarchies(tuple(hierarchies), v2), "/corral/x")
        monkeypatch.setattr(write, "_write", self._write)

    def _write(self, fd: int, path: str, text: str) -> None:
        file = os.path.basename(path)
        if (file, text) in self.refuse:
            raise OSError(errno.EINVAL, "Invalid argument", path)
        self.written.append((file, text))
        os.ftruncate(fd, 0)
        os.pwrite(fd, text.encode() + b"\n", 0)

    def state(self) -> dict[str, str]:
        files = self.root.glob("*/corral/x/*")
        return {f"{path.parent.parent.parent.name}/{path.name}": path.read_text() for path in files if path.is_file()}


@pytest.fixture
def v1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel("v1", tmp_path, monkeypatch)


@pytest.fixture
def v2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel("v2", tmp_path, monkeypatch)


def test_version_1_has_a_file_for_everything(v1: Kernel) -> None:
    assert v1.cgroup.create(EVERYTHING) == []
    assert dict(v1.written) == {
        "memory.limit_in_bytes": str(64 * MEGABYTE),
        "memory.memsw.limit_in_bytes": str(96 * MEGABYTE),
        "memory.soft_limit_in_bytes": str(32 * MEGABYTE),
        "memory.kmem.limit_in_bytes": str(16 * MEGABYTE),
        "memory.kmem.tcp.limit_in_bytes": str(8 * MEGABYTE),
        "memory.oom_control": "1",
        "memory.swappiness": "10",
        "cpu.shares": "512",
        "cpu.cfs_burst_us": "1000",
        "cpu.cfs_period_us": "100000",
        "cpu.cfs_quota_us": "50000",
        "cpuset.cpus": "0",
        "cpuset.mems": "0",
        "pids.max": "33",
        "blkio.bfq.weight": "500",
        "blkio.bfq.weight_device": "8:0 300",
        "blkio.throttle.read_bps_device": "8:0 1024",
        "blkio.throttle.write_iops_device": "8:0 10",
        "hugetlb.2MB.limit_in_bytes": str(4 * MEGABYTE),
        "hugetlb.2MB.rsvd.limit_in_bytes": str(4 * MEGABYTE),
        "net_cls.classid": "1048577",
        "net_prio.ifpriomap": "lo 5",
        "rdma.max": "mlx5_1 hca_handle=3 hca_object=10000",
    }


def test_version_2_has_a_file_for_nearly_everything(v2: Kernel) -> None:
    warnings = v2.cgroup.create(EVERYTHING)
    assert dict(v2.written) == {
        "memory.max": str(64 * MEGABYTE),
        "memory.swap.max": str(32 * MEGABYTE),
        "memory.low": str(32 * MEGABYTE),
        "cpu.weight": "59",
        "cpu.max.burst": "1000",
        "cpu.max": "50000 100000",
        "cpuset.cpus": "0",
        "cpuset.mems": "0",
        "pids.max": "33",
        "io.max": "8:0 wiops=10",
        "io.weight": "8:0 2930",
        "hugetlb.2MB.max": str(4 * MEGABYTE),
        "hugetlb.2MB.rsvd.max": str(4 * MEGABYTE),
        "rdma.max": "mlx5_1 hca_handle=3 hca_object=10000",
    }
    assert {("io.max", "8:0 rbps=1024"), ("io.weight", "default 4950")} <= set(v2.written)
    assert sorted(warnings) == sorted(
        [
            network.CLASS_WARNING,
            network.PRIORITY_WARNING,
            memory.KERNEL_WARNING,
            memory.KERNEL_TCP_WARNING,
            memory.SWAPPINESS_WARNING,
            memory.OOM_KILL_WARNING,
        ]
    )


@pytest.mark.parametrize("name", ["v1", "v2"])
def test_update_is_taken_back_when_the_last_write_is_refused(name: str, request: pytest.FixtureRequest) -> None:
    kernel: Kernel = request.getfixturevalue(name)
    kernel.cgroup.create(Resources(memory=Memory(limit=64 * MEGABYTE, swap=96 * MEGABYTE), pids=Pids(33)))
    before = kernel.state()
    kernel.refuse.add(("rdma.max", "mlx5_1 hca_handle=3 hca_object=10000"))
    given = dataclasses.replace(EVERYTHING, network=None)
    with pytest.raises(Invalid, match=r"rdma\.max"):
        kernel.cgroup.update(given)
    after = kernel.state()
    changed = {file: (before[file], after[file]) for file in before if before[file].strip() != after[file].strip()}
    # What had no entry for a device has one now that takes it away; the switch is written as one word.
    assert {file.partition("/")[2]: text.strip() for file, (_, text) in changed.items()} in (
        {
            "memory.oom_control": "0",
            "blkio.bfq.weight_device": "8:0 default",
            "blkio.throttle.read_bps_device": "8:0 0",
            "blkio.throttle.write_iops_device": "8:0 0",
        },
        {
            "io.max": "8:0 rbps=max wbps=max riops=max wiops=max",
            "rdma.max": "mlx5_1 hca_handle=max hca_object=max",
        },
    )


def test_version_1_raises_the_sum_first_and_lowers_it_last(v1: Kernel) -> None:
    v1.cgroup.create(Resources(memory=Memory(limit=64 * MEGABYTE, swap=96 * MEGABYTE)))
    for limit, swap in ((128, 256), (32, 32)):
        v1.written.clear()
        v1.cgroup.update(Resources(memory=Memory(limit=limit * MEGABYTE, swap=swap * MEGABYTE)))
        order = [file for file, _ in v1.written]
        expected = ["memory.memsw.limit_in_bytes", "memory.limit_in_bytes"]
        assert order == (expected if limit == 128 else expected[::-1])


def test_version_1_freezes_by_its_controller(v1: Kernel) -> None:
    v1.cgroup.create(None)
    v1.cgroup.freeze()
    assert v1.written[-1] == ("freezer.state", "FROZEN")
    assert v1.cgroup.is_frozen()
    v1.cgroup.thaw()
    assert not v1.cgroup.is_frozen()


def test_version_1_kills_frozen_processes_one_by_one(v1: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    v1.cgroup.create(None)
    (v1.root / "memory/corral/x/cgroup.procs").write_text("41\n42\n")
    for directory in v1.root.glob("*/corral/x"):
        (directory / "cgroup.procs").write_text("41\n42\n")
    killed: list[tuple[int, str]] = []

    def kill(pid: int, number: int) -> None:
        assert number == signal.SIGKILL
        killed.append((pid, (v1.root / "freezer/corral/x/freezer.state").read_text().strip()))

    monkeypatch.setattr(os, "kill", kill)
    v1.cgroup.kill()
    assert killed == [(41, "FROZEN"), (42, "FROZEN")]
    assert not v1.cgroup.is_frozen()


def test_version_1_device_rules_change_by_what_differs(v1: Kernel) -> None:
    v1.cgroup.create(Resources(devices=DENY))
    assert v1.written == [("devices.deny", "a"), ("devices.allow", "c 1:3 rwm")]
    (v1.root / "devices/corral/x/devices.list").write_text("c 1:3 rwm\n")
    v1.written.clear()
    v1.cgroup.update(Resources(devices=(DENY[0], DeviceRule(True, "c", 1, 5, "r"))))
    assert v1.written == [("devices.allow", "c 1:5 r"), ("devices.deny", "c 1:3 rwm")]


def test_version_2_half_of_a_pair_keeps_the_other_half(v2: Kernel) -> None:
    v2.cgroup.create(Resources(cpu=Cpu(quota=20_000, period=50_000), memory=Memory(limit=100, swap=150)))
    v2.written.clear()
    v2.cgroup.update(Resources(cpu=Cpu(period=100_000), memory=Memory(limit=120)))
    assert dict(v2.written) == {"cpu.max": "20000 100000", "memory.max": "120", "memory.swap.max": "30"}
    with pytest.raises(Invalid, match=r"memory\+swap limit should be >= memory limit"):
        v2.cgroup.update(Resources(memory=Memory(limit=200)))


def test_version_2_files_by_name(v2: Kernel) -> None:
    given = {"memory.high": "9", "memory.min": "1", "misc.max": "res_a 5"}
    v2.cgroup.create(Resources(unified=given))
    assert dict(v2.written) == given
    with pytest.raises(Invalid, match='controller "debug" not available'):
        v2.cgroup.update(Resources(unified={"debug.x": "1"}))
