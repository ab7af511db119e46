"""Block I/O and RDMA of a real kernel, in version 2: limits that bite, io.cost, io.latency."""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.errors import Invalid
from corral.oci.runtime import BlockIO, Rdma, Resources, ThrottleDevice, WeightDevice
from corral.runtime.cgroups import Cgroup, Hierarchies
from corral.runtime.cgroups.hierarchies import Hierarchy
from support.tenant import Tenant

pytestmark = pytest.mark.requires("root", "cgroup2")

MEGABYTE = 1 << 20


@pytest.fixture
def v2(hierarchies: Hierarchies) -> Hierarchy:
    place = hierarchies.of("blkio")
    if place is None or place.version == 1:
        pytest.skip("the io controller is not in version 2")
    return place


@pytest.fixture
def disk(tmp_path: Path, v2: Hierarchy) -> Iterator[tuple[str, int, int]]:
    """A loop device of 8 MB: its path and numbers."""
    if not shutil.which("losetup") or not os.path.exists("/dev/loop-control"):
        pytest.skip("there are no loop devices")
    image = tmp_path / "disk"
    image.write_bytes(bytes(8 * MEGABYTE))
    made = subprocess.run(["losetup", "--find", "--show", "--direct-io=off", image], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no loop device: {made.stderr.strip()}")
    path = made.stdout.strip()
    number = os.stat(path).st_rdev
    try:
        yield path, os.major(number), os.minor(number)
    finally:
        subprocess.run(["losetup", "--detach", path], check=True)


def control(v2: Hierarchy, cgroup: Cgroup, file: str) -> Path:
    path = Path(v2.mount_point, cgroup.path.strip("/"), file)
    if not path.exists():
        pytest.skip(f"this kernel has no {file}")
    return path


def seconds_to_read(cgroup: Cgroup, path: str, size: int) -> float:
    """Past the page cache, by a process of the group."""

    def read() -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
        buffer = mmap.mmap(-1, MEGABYTE // 4)
        left = size
        while left > 0:
            left -= os.readv(fd, [buffer])

    begun = time.monotonic()
    assert Tenant(cgroup, read).wait() == 0
    return time.monotonic() - begun


def test_reading_is_slowed_down_and_let_go_again(v2: Hierarchy, cgroup: Cgroup, disk: tuple[str, int, int]) -> None:
    path, major, minor = disk
    slow = BlockIO(throttle_read_bps_device=(ThrottleDevice(major, minor, MEGABYTE),))
    assert cgroup.create(Resources(block_io=slow)) == []
    assert f"{major}:{minor} rbps={MEGABYTE} " in control(v2, cgroup, "io.max").read_text()
    assert seconds_to_read(cgroup, path, 2 * MEGABYTE) > 1
    free = BlockIO(throttle_read_bps_device=(ThrottleDevice(major, minor, 0),))
    assert cgroup.update(Resources(block_io=free)) == []
    assert control(v2, cgroup, "io.max").read_text() == ""
    entries = [entry for entry in cgroup.stats().io_bytes if (entry.major, entry.minor) == (major, minor)]
    assert sum(entry.value for entry in entries if entry.op.lower() == "read") >= 2 * MEGABYTE


def test_weights_are_there_for_io_cost(v2: Hierarchy, cgroup: Cgroup, disk: tuple[str, int, int]) -> None:
    path, major, minor = disk
    qos = Path(v2.mount_point, "io.cost.qos")  # of the root alone
    if not qos.exists():
        pytest.skip("this kernel has no io.cost")
    qos.write_text(f"{major}:{minor} enable=1 ctrl=user rpct=95 rlat=5000 wpct=95 wlat=5000 min=50 max=150")
    try:
        given = BlockIO(weight=300, weight_device=(WeightDevice(major, minor, weight=700),))
        assert cgroup.create(Resources(block_io=given)) == []
        weights = control(v2, cgroup, "io.weight")
        assert weights.read_text() == f"default 2930\n{major}:{minor} 6970\n"
        seconds_to_read(cgroup, path, MEGABYTE)
        stat = Path(v2.mount_point, cgroup.path.strip("/"), "io.stat").read_text()
        assert "cost.usage=" in stat
        cgroup.update(Resources(unified={"io.weight": f"{major}:{minor} 50"}))
        assert weights.read_text().endswith(f"{major}:{minor} 50\n")
    finally:
        qos.write_text(f"{major}:{minor} enable=0 ctrl=auto")


def test_latency_target_is_set_by_name_and_taken_back(
    v2: Hierarchy, cgroup: Cgroup, disk: tuple[str, int, int]
) -> None:
    _, major, minor = disk
    cgroup.create(None)
    latency = control(v2, cgroup, "io.latency")
    cgroup.update(Resources(unified={"io.latency": f"{major}:{minor} target=75000"}))
    assert latency.read_text() == f"{major}:{minor} target=75000\n"
    with pytest.raises(Invalid, match=r"cgroup\.max\.depth"):
        cgroup.update(Resources(unified={"io.latency": f"{major}:{minor} target=1", "cgroup.max.depth": "nonsense"}))
    assert latency.read_text() == f"{major}:{minor} target=75000\n"


def test_rdma_handles_are_limited(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    place, devices = hierarchies.of("rdma"), Path("/sys/class/infiniband")
    names = sorted(os.listdir(devices)) if devices.exists() else []
    if place is None or not names:
        pytest.skip("no rdma controller, or no device")
    assert cgroup.create(Resources(rdma={names[0]: Rdma(3, 1000)})) == []
    limits = control(place, cgroup, "rdma.max")
    assert f"{names[0]} hca_handle=3 hca_object=1000" in limits.read_text()
    with pytest.raises(Invalid, match=r"rdma\.max"):
        cgroup.update(Resources(rdma={"none_0": Rdma(1, 1)}))


def test_misc_limits_need_their_resource(v2: Hierarchy, cgroup: Cgroup) -> None:
    if "misc" not in v2.controllers:
        pytest.skip("no misc controller")
    cgroup.create(Resources(unified={"pids.max": "10"}))
    capacity = Path(v2.mount_point, "misc.capacity").read_text().split()
    if capacity:
        cgroup.update(Resources(unified={"misc.max": f"{capacity[0]} 1"}))
        assert f"{capacity[0]} 1\n" in control(v2, cgroup, "misc.max").read_text()
    with pytest.raises(Invalid, match=r"misc\.max"):
        cgroup.update(Resources(unified={"misc.max": "nonsense 1"}))
