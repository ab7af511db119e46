"""From resources to writes, one controller at a time, in both versions."""

from __future__ import annotations

from collections.abc import Callable

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
from corral.runtime.cgroups import blkio, cpu, cpuset, devices, hugetlb, memory, network, pids, rdma, unified
from corral.runtime.cgroups.write import Write


def pairs(writes: list[Write]) -> list[tuple[str, str]]:
    return [(write.file, write.value) for write in writes]


def of_memory(**fields: int | bool) -> Resources:
    return Resources(memory=Memory(**fields))  # type: ignore[arg-type]


def of_cpu(**fields: int | str) -> Resources:
    return Resources(cpu=Cpu(**fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("controller", [memory, cpu, cpuset, pids, blkio, hugetlb, rdma])
def test_nothing_asked_writes_nothing(controller: object) -> None:
    assert not controller.is_asked(Resources())  # type: ignore[attr-defined]
    assert controller.v1(Resources()) == []  # type: ignore[attr-defined]
    assert controller.v2(Resources()) == []  # type: ignore[attr-defined]


# -- memory


def test_memory_v1_sets_limit_before_swap_in_a_new_group() -> None:
    writes = memory.v1(of_memory(limit=100, swap=200, reservation=50, swappiness=0, disable_oom_killer=True))
    assert pairs(writes) == [
        ("memory.limit_in_bytes", "100"),
        ("memory.memsw.limit_in_bytes", "200"),
        ("memory.soft_limit_in_bytes", "50"),
        ("memory.oom_control", "1"),
        ("memory.swappiness", "0"),
    ]


@pytest.mark.parametrize(("swap", "first"), [(300, "memsw.limit"), (-1, "memsw.limit"), (150, "limit")])
def test_memory_v1_raises_swap_first_and_lowers_it_last(swap: int, first: str) -> None:
    writes = memory.v1(of_memory(limit=100, swap=swap), swap_now=200)
    assert writes[0].file == f"memory.{first}_in_bytes"


def test_memory_v1_unlimited_memory_means_unlimited_swap() -> None:
    assert pairs(memory.v1(of_memory(limit=-1), swap_now=200)) == [
        ("memory.memsw.limit_in_bytes", "-1"),
        ("memory.limit_in_bytes", "-1"),
    ]


def test_memory_v1_kernel_memory() -> None:
    assert pairs(memory.v1(of_memory(kernel=8, kernel_tcp=7))) == [
        ("memory.kmem.limit_in_bytes", "8"),
        ("memory.kmem.tcp.limit_in_bytes", "7"),
    ]


def test_memory_v1_gives_the_oom_killer_back_on_update_only() -> None:
    assert memory.v1(of_memory(disable_oom_killer=False)) == []
    assert pairs(memory.v1(of_memory(disable_oom_killer=False), swap_now=0)) == [("memory.oom_control", "0")]


@pytest.mark.parametrize("version", [memory.v1, memory.v2])
def test_memory_refuses_a_swappiness_out_of_range(version: Callable[[Resources], list[Write]]) -> None:
    with pytest.raises(Invalid, match=r"invalid memory swappiness value: 101 \(valid range is 0-100\)"):
        version(of_memory(swappiness=101))
    assert version(of_memory(swappiness=-1)) == []


@pytest.mark.parametrize(("swap", "warned"), [(-1, False), (100, False), (150, True)])
def test_missing_swap_is_nothing_to_tell_when_none_or_all_of_it_is_wanted(swap: int, warned: bool) -> None:
    assert bool(memory.v2(of_memory(limit=100, swap=swap))[0].warning) is warned


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"limit": 100}, [("memory.max", "100")]),
        ({"limit": 100, "swap": 300}, [("memory.swap.max", "200"), ("memory.max", "100")]),
        ({"limit": 100, "swap": 100}, [("memory.swap.max", "0"), ("memory.max", "100")]),
        ({"limit": 100, "swap": -1}, [("memory.swap.max", "max"), ("memory.max", "100")]),
        ({"limit": -1}, [("memory.swap.max", "max"), ("memory.max", "max")]),
        ({"reservation": 50}, [("memory.low", "50")]),
    ],
)
def test_memory_v2_counts_swap_alone(fields: dict[str, int], expected: list[tuple[str, str]]) -> None:
    assert pairs(memory.v2(of_memory(**fields))) == expected


@pytest.mark.parametrize("fields", [{"swap": 100}, {"limit": -1, "swap": 100}, {"limit": 100, "swap": 50}])
def test_memory_v2_refuses_swap_that_cannot_be_computed(fields: dict[str, int]) -> None:
    with pytest.raises(Invalid):
        memory.v2(of_memory(**fields))


def test_memory_v2_says_what_it_does_not_have() -> None:
    writes = memory.v2(of_memory(kernel=1, kernel_tcp=1, swappiness=10, disable_oom_killer=True))
    assert [w.warning for w in writes] == [
        memory.KERNEL_WARNING,
        memory.KERNEL_TCP_WARNING,
        memory.SWAPPINESS_WARNING,
        memory.OOM_KILL_WARNING,
    ]


# -- cpu


@pytest.mark.parametrize(
    ("shares", "weight"), [(0, 0), (1, 1), (2, 1), (1024, 100), (512, 59), (262144, 10000), (999999, 10000)]
)
def test_shares_become_weights(shares: int, weight: int) -> None:
    assert cpu.weight_of_shares(shares) == weight


def test_weights_grow_with_shares() -> None:
    weights = [cpu.weight_of_shares(shares) for shares in range(2, 262145, 97)]
    assert weights == sorted(weights)


def test_cpu_v1() -> None:
    writes = cpu.v1(of_cpu(shares=512, quota=50000, period=100000, burst=1000, idle=1))
    assert pairs(writes) == [
        ("cpu.idle", "1"),
        ("cpu.cfs_burst_us", "1000"),
        ("cpu.cfs_period_us", "100000"),
        ("cpu.cfs_quota_us", "50000"),
    ]
    assert [w.again for w in writes] == [False, True, True, False]


def test_group_that_is_no_longer_idle_can_have_shares_again() -> None:
    assert pairs(cpu.v1(of_cpu(shares=512, idle=0))) == [("cpu.idle", "0"), ("cpu.shares", "512")]
    assert pairs(cpu.v2(of_cpu(shares=1024, idle=0))) == [("cpu.idle", "0"), ("cpu.weight", "100")]


def test_real_time_is_something_that_version_2_does_not_have() -> None:
    assert [w.warning for w in cpu.v2(of_cpu(realtime_runtime=1000))] == [cpu.REALTIME_WARNING]


def test_cpu_v1_real_time() -> None:
    writes = cpu.v1(of_cpu(realtime_runtime=1000, realtime_period=2000))
    assert pairs(writes) == [("cpu.rt_period_us", "2000"), ("cpu.rt_runtime_us", "1000")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"shares": 1024}, [("cpu.weight", "100")]),
        ({"quota": 50000, "period": 100000}, [("cpu.max", "50000 100000")]),
        ({"quota": 50000}, [("cpu.max", "50000")]),
        ({"period": 50000}, [("cpu.max", "max 50000")]),
        ({"quota": -1, "period": 100000}, [("cpu.max", "max 100000")]),
        ({"shares": 1024, "idle": 1}, [("cpu.idle", "1")]),
        ({"burst": 5}, [("cpu.max.burst", "5")]),
    ],
)
def test_cpu_v2(fields: dict[str, int], expected: list[tuple[str, str]]) -> None:
    assert pairs(cpu.v2(of_cpu(**fields))) == expected


# -- cpuset, pids, hugetlb


def test_cpuset_has_the_same_files_in_both_versions() -> None:
    expected = [("cpuset.cpus", "0-1"), ("cpuset.mems", "0")]
    assert pairs(cpuset.v1(of_cpu(cpus="0-1", mems="0"))) == expected
    assert pairs(cpuset.v2(of_cpu(cpus="0-1", mems="0"))) == expected
    assert not cpuset.is_asked(of_cpu(shares=5))


@pytest.mark.parametrize(("limit", "text"), [(100, "100"), (-1, "max"), (0, "max")])
def test_pids(limit: int, text: str) -> None:
    assert pairs(pids.v1(Resources(pids=Pids(limit)))) == [("pids.max", text)]


def test_hugetlb_limits_reservations_as_well() -> None:
    resources = Resources(hugepage_limits=(HugepageLimit("2MB", 4096),))
    assert pairs(hugetlb.v1(resources)) == [
        ("hugetlb.2MB.limit_in_bytes", "4096"),
        ("hugetlb.2MB.rsvd.limit_in_bytes", "4096"),
    ]
    assert pairs(hugetlb.v2(resources)) == [("hugetlb.2MB.max", "4096"), ("hugetlb.2MB.rsvd.max", "4096")]


# -- block I/O


@pytest.mark.parametrize(("v1", "v2"), [(0, 0), (10, 1), (500, 4950), (1000, 10000)])
def test_block_io_weights_are_scaled(v1: int, v2: int) -> None:
    assert blkio.weight_of_v1(v1) == v2


def test_block_io_v1() -> None:
    io = BlockIO(
        weight=500,
        weight_device=(WeightDevice(8, 0, 300),),
        throttle_read_bps_device=(ThrottleDevice(8, 0, 1024),),
        throttle_write_iops_device=(ThrottleDevice(8, 16, 10),),
    )
    writes = blkio.v1(Resources(block_io=io))
    assert pairs(writes) == [
        ("blkio.weight", "500"),
        ("blkio.weight_device", "8:0 300"),
        ("blkio.throttle.read_bps_device", "8:0 1024"),
        ("blkio.throttle.write_iops_device", "8:16 10"),
    ]
    assert [w.otherwise and (w.otherwise.file, w.otherwise.value) for w in writes[:2]] == [
        ("blkio.bfq.weight", "500"),
        ("blkio.bfq.weight_device", "8:0 300"),
    ]


def test_block_io_v2_prefers_bfq_and_scales_otherwise() -> None:
    io = BlockIO(
        weight=500, weight_device=(WeightDevice(8, 0, 10),), throttle_write_bps_device=(ThrottleDevice(8, 0, 9),)
    )
    writes = blkio.v2(Resources(block_io=io))
    assert pairs(writes) == [("io.bfq.weight", "500"), ("io.bfq.weight", "8:0 10"), ("io.max", "8:0 wbps=9")]
    assert [w.otherwise and (w.otherwise.file, w.otherwise.value) for w in writes] == [
        ("io.weight", "default 4950"),
        ("io.weight", "8:0 1"),
        None,
    ]


def test_block_io_v2_writes_no_rate_as_max() -> None:
    io = BlockIO(throttle_read_iops_device=(ThrottleDevice(8, 0, 0),))
    assert pairs(blkio.v2(Resources(block_io=io))) == [("io.max", "8:0 riops=max")]


# -- unified


def test_unified_writes_files_line_by_line() -> None:
    resources = Resources(unified={"io.max": "8:0 rbps=1\n8:16 rbps=2", "memory.high": "9"})
    assert pairs(unified.v2(resources)) == [
        ("io.max", "8:0 rbps=1"),
        ("io.max", "8:16 rbps=2"),
        ("memory.high", "9"),
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../memory.max", "must be a file name (no slashes)"),
        ("memory/max", "must be a file name (no slashes)"),
        ("a/../b.c", "must be a file name (no slashes)"),
        ("memory", "must be in the form CONTROLLER.PARAMETER"),
        (".hidden", "must be in the form CONTROLLER.PARAMETER"),
        ("io.max", 'can\'t be set: controller "io" not available'),
    ],
)
def test_unified_refuses_what_cannot_be_there(name: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        unified.check(Resources(unified={name: "1"}), frozenset({"memory"}))
    assert message in caught.value.message


@pytest.mark.parametrize("name", ["memory.high", "cgroup.max.depth", "io.pressure"])
def test_unified_takes_what_a_controller_or_every_group_has(name: str) -> None:
    unified.check(Resources(unified={name: "1"}), frozenset({"memory"}))


# -- network and rdma


def test_network_classes_and_priorities() -> None:
    given = Resources(network=NetworkResources(0x100001, (InterfacePriority("lo", 5), InterfacePriority("eth0", 1))))
    assert (network.is_class_asked(given), network.is_priority_asked(given)) == (True, True)
    assert pairs(network.v1_class(given)) == [("net_cls.classid", "1048577")]
    assert pairs(network.v1_priority(given)) == [("net_prio.ifpriomap", "lo 5"), ("net_prio.ifpriomap", "eth0 1")]
    assert network.v1_class(Resources()) == network.v1_priority(Resources()) == []


def test_rdma_leaves_alone_what_is_not_said() -> None:
    given = Resources(rdma={"mlx5_1": Rdma(hca_handles=3, hca_objects=10000), "mlx4_0": Rdma(hca_objects=1)})
    assert pairs(rdma.v2(given)) == [
        ("rdma.max", "mlx5_1 hca_handle=3 hca_object=10000"),
        ("rdma.max", "mlx4_0 hca_object=1"),
    ]


# -- devices

ALL = DeviceRule(allow=False, type="a", access="rwm")


def allow(kind: str, major: int | None, minor: int | None, access: str = "rwm") -> DeviceRule:
    return DeviceRule(True, kind, major, minor, access)


def test_devices_v1_denies_all_then_allows() -> None:
    resources = Resources(devices=(ALL, allow("c", None, None, "m"), allow("c", 1, 3), allow("b", 8, None, "r")))
    assert pairs(devices.v1(resources)) == [
        ("devices.deny", "a"),
        ("devices.allow", "c *:* m"),
        ("devices.allow", "c 1:3 rwm"),
        ("devices.allow", "b 8:* r"),
    ]


@pytest.mark.parametrize("rules", [(), (DeviceRule(True, "a", access="rwm"),), (ALL, DeviceRule(True, "", access=""))])
def test_devices_of_the_privileged_need_no_writes(rules: tuple[DeviceRule, ...]) -> None:
    assert devices.v1(Resources(devices=rules)) == []
    assert devices.device_list(rules).is_unrestricted


def test_devices_rules_for_the_same_numbers_add_up() -> None:
    found = devices.device_list((ALL, allow("c", 1, 3, "w"), allow("c", 1, 3, "r")))
    assert [(e.type, e.major, e.minor, e.access) for e in found.exceptions] == [("c", 1, 3, "rw")]


def test_devices_denying_takes_away_from_what_was_allowed() -> None:
    partly = DeviceRule(False, "c", 1, 3, "w")
    found = devices.device_list((ALL, allow("c", 1, 3), partly, allow("c", 1, 5), DeviceRule(False, "c", 1, 5, "")))
    assert [(e.minor, e.access) for e in found.exceptions] == [(3, "rm")]


def test_devices_denied_out_of_everything() -> None:
    found = devices.device_list((DeviceRule(False, "b", 8, -1, "rw"),))
    assert found.allow
    assert pairs(devices.v1(Resources(devices=(DeviceRule(False, "b", 8, -1, "rw"),)))) == [
        ("devices.deny", "b 8:* rw")
    ]


def test_devices_of_any_type_with_numbers_are_both_types() -> None:
    found = devices.device_list((ALL, allow("a", 1, 3, "r")))
    assert [e.type for e in found.exceptions] == ["c", "b"]


def test_devices_default_covers_the_standard_nodes() -> None:
    found = devices.device_list(devices.DEFAULT_RULES)
    assert not found.allow
    open_ = {(e.major, e.minor) for e in found.exceptions if "r" in e.access and e.type == "c"}
    assert {(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2), (136, None)} <= open_
    assert all(e.access == "m" for e in found.exceptions if e.type == "b")


def test_devices_that_a_wider_rule_covers_are_left_out() -> None:
    found = devices.device_list(
        (ALL, allow("c", 1, 3), allow("c", 1, None), allow("c", None, None, "m"), allow("b", 1, 3))
    )
    assert [(e.type, e.major, e.minor, e.access) for e in found.exceptions] == [
        ("c", 1, None, "rwm"),
        ("c", None, None, "m"),
        ("b", 1, 3, "rwm"),
    ]


LISTED = "c *:* m\nc 1:3 rwm\nb 8:0 rw\n"


def test_devices_v1_change_allows_first_and_forbids_only_what_is_gone() -> None:
    rules = (ALL, allow("c", None, None, "m"), allow("c", 1, 5), allow("b", 8, 0, "r"))
    assert pairs(devices.v1_change(LISTED, rules)) == [
        ("devices.allow", "c 1:5 rwm"),
        ("devices.allow", "b 8:0 r"),
        ("devices.deny", "c 1:3 rwm"),
        ("devices.deny", "b 8:0 w"),
    ]


def test_devices_v1_change_to_the_same_writes_nothing() -> None:
    rules = (ALL, allow("c", None, None, "m"), allow("c", 1, 3), allow("b", 8, 0, "rw"))
    assert devices.v1_change(LISTED, rules) == []


def test_devices_v1_change_of_the_default_begins_anew() -> None:
    assert pairs(devices.v1_change(LISTED, (DeviceRule(True, "a", access="rwm"),))) == [("devices.allow", "a")]
    assert pairs(devices.v1_change("a *:* rwm\n", (ALL, allow("c", 1, 3)))) == [
        ("devices.deny", "a"),
        ("devices.allow", "c 1:3 rwm"),
    ]
