"""Which controller lives where, out of the texts of procfs."""

from __future__ import annotations

import pytest

from corral.runtime.cgroups.hierarchies import Hierarchies
from corral.runtime.cgroups.support import probe

V2_ONLY = "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
SEPARATE = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
JOINT = """\
27 25 0:24 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
28 25 0:25 / /sys/fs/cgroup/blkio rw,nosuid shared:10 - cgroup cgroup rw,blkio
29 25 0:24 / /mnt/again rw - cgroup cgroup rw,cpu,cpuacct
30 25 0:40 / /with\\040space rw - cgroup cgroup rw,xattr,release_agent=/lib/agent,memory
"""
CGROUPS = """\
#subsys_name\thierarchy\tnum_cgroups\tenabled
cpuset\t0\t1\t1
cpu\t1\t1\t1
blkio\t0\t1\t1
memory\t2\t1\t1
net_cls\t0\t1\t1
hugetlb\t0\t1\t1
pids\t0\t1\t0
"""


def test_pure_version_2_has_what_its_root_offers() -> None:
    found = Hierarchies.discover(V2_ONLY, "", "cpuset cpu io memory pids\n")
    assert found.v1 == ()
    memory, blkio = found.of("memory"), found.of("blkio")
    assert memory is not None
    assert (memory.mount_point, memory.version) == ("/sys/fs/cgroup", 2)
    assert blkio == memory
    assert found.of("hugetlb") is None
    assert found.of("freezer") is None


def test_hybrid_is_resolved_per_controller() -> None:
    found = Hierarchies.discover(SEPARATE, CGROUPS, "hugetlb\n")
    places = {name: found.of(name) for name in ("cpu", "memory", "hugetlb", "pids", "name=systemd")}
    assert {name: place and (place.mount_point, place.version) for name, place in places.items()} == {
        "cpu": ("/sys/fs/cgroup/cpu", 1),
        "memory": ("/sys/fs/cgroup/memory", 1),
        "hugetlb": ("/sys/fs/cgroup/unified", 2),
        "pids": None,
        "name=systemd": ("/sys/fs/cgroup/systemd", 1),
    }
    assert found.has_v1("memory")
    assert not found.has_v1("hugetlb")


def test_version_2_without_its_own_list_has_what_no_other_hierarchy_has() -> None:
    found = Hierarchies.discover(SEPARATE, CGROUPS)
    assert found.v2 is not None
    assert found.v2.controllers == {"cpuset", "io", "hugetlb"}


def test_joint_controllers_second_mounts_and_escaped_paths() -> None:
    found = Hierarchies.discover(JOINT, "")
    assert [h.mount_point for h in found.v1] == ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/blkio", "/with space"]
    assert found.of("cpuacct") == found.of("cpu")
    assert found.v2 is None


def test_nothing_mounted() -> None:
    found = Hierarchies.discover("22 1 0:20 / / rw - ext4 /dev/sda rw\n", CGROUPS)
    assert (found.v1, found.v2, found.of("memory")) == ((), None, None)


def test_this_host_can_be_read() -> None:
    assert isinstance(Hierarchies.of_host(), Hierarchies)


# -- what a host supports


def test_support_of_version_2() -> None:
    support = probe(Hierarchies.discover(V2_ONLY, "", "cpuset cpu io memory pids"), {"/proc/swaps"}.__contains__)
    assert support.version == 2
    assert all((support.memory_limit, support.swap_limit, support.cpu_cfs, support.cpuset, support.pids_limit))
    assert all((support.blkio_weight, support.devices))
    assert not any((support.memory_swappiness, support.oom_kill_disable, support.cpu_realtime))


def test_support_of_version_1_is_seen_by_files() -> None:
    files = {
        "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.oom_control",
        "/sys/fs/cgroup/cpu/cpu.shares",
    }
    support = probe(Hierarchies.discover(SEPARATE, CGROUPS, ""), files.__contains__)
    assert support.version == 1
    assert all((support.memory_limit, support.swap_limit, support.oom_kill_disable, support.cpu_shares))
    assert not any((support.cpu_cfs, support.memory_swappiness, support.pids_limit, support.blkio_weight))
    assert support.devices


def test_devices_need_their_hierarchy_where_there_is_no_version_2() -> None:
    support = probe(Hierarchies.discover(JOINT, ""), lambda _: False)
    assert not support.devices


@pytest.mark.parametrize(("mounts", "version"), [("", 0), (SEPARATE.splitlines()[-1], 2), (JOINT, 1)])
def test_version_where_memory_is_nowhere(mounts: str, version: int) -> None:
    without_memory = mounts.replace("memory", "debug")
    assert probe(Hierarchies.discover(without_memory, "", ""), lambda _: False).version == version
