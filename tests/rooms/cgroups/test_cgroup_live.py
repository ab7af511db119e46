"""Control groups of this host, whatever its version: limits that bite, freezing, killing, counting, removal."""

from __future__ import annotations

import os
import select
import signal
import time
from pathlib import Path

import pytest

from corral.errors import Invalid
from corral.linux import ebpf, pidfd
from corral.linux.clone import clone3
from corral.oci.runtime import BlockIO, Cpu, DeviceRule, HugepageLimit, Memory, Pids, Resources, ThrottleDevice
from corral.runtime.cgroups import Cgroup, Hierarchies
from corral.runtime.cgroups.devices import DEFAULT_RULES
from corral.runtime.cgroups.plan import directory_of
from corral.runtime.cgroups.write import write_text
from support.tenant import Tenant, contents, directories, forever, until

pytestmark = pytest.mark.requires("root", "cgroup")

MEGABYTE = 1 << 20


def test_limits_are_set_before_anybody_is_in(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    memory = Memory(limit=64 * MEGABYTE, swap=64 * MEGABYTE)
    assert cgroup.create(Resources(memory=memory, cpu=Cpu(quota=50000, period=100000), pids=Pids(33))) == []
    assert contents(hierarchies, "memory", cgroup, "memory.limit_in_bytes", "memory.max") == str(64 * MEGABYTE)
    assert contents(hierarchies, "pids", cgroup, "pids.max", "pids.max") == "33"
    assert contents(hierarchies, "cpu", cgroup, "cpu.cfs_quota_us", "cpu.max").split()[0] == "50000"


def test_delete_leaves_no_directory_and_can_be_repeated(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    cgroup.create(Resources(pids=Pids(3), cpu=Cpu(cpus="0")))
    assert directories(hierarchies, cgroup.path)
    cgroup.delete()
    cgroup.delete()
    assert directories(hierarchies, cgroup.path) == []


def test_failed_create_leaves_nothing(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    with pytest.raises(Invalid, match=r"cpuset\.cpus"):
        cgroup.create(Resources(cpu=Cpu(cpus="4095"), pids=Pids(3)))
    assert directories(hierarchies, cgroup.path) == []


def test_members_are_seen_killed_and_removed(cgroup: Cgroup, hierarchies: Hierarchies) -> None:
    cgroup.create(None)
    tenants = [Tenant(cgroup, forever) for _ in range(3)]
    assert cgroup.pids() == sorted(t.pid for t in tenants)
    again = Cgroup.at(hierarchies, cgroup.path)
    assert again.pids() == cgroup.pids()
    again.kill()
    assert [t.wait() for t in tenants] == [-signal.SIGKILL] * 3
    again.delete()
    assert cgroup.pids() == []


def test_delete_kills_what_is_left(cgroup: Cgroup, hierarchies: Hierarchies) -> None:
    cgroup.create(None)
    tenant = Tenant(cgroup, forever)
    cgroup.delete()
    assert tenant.wait() == -signal.SIGKILL
    assert directories(hierarchies, cgroup.path) == []


def test_delete_removes_nested_groups_with_their_processes(cgroup: Cgroup, hierarchies: Hierarchies) -> None:
    cgroup.create(None)
    nested = [f"{directory}/inner/most" for directory in directories(hierarchies, cgroup.path)]
    for directory in nested:
        os.makedirs(directory)
    tenant = Tenant(cgroup, forever)
    for directory in nested:
        Path(directory, "cgroup.procs").write_text(str(tenant.pid))
    assert cgroup.pids() == [tenant.pid]
    cgroup.delete()
    assert tenant.wait() == -signal.SIGKILL
    assert directories(hierarchies, cgroup.path) == []


def test_child_can_be_born_in_version_2(cgroup: Cgroup, hierarchies: Hierarchies) -> None:
    if hierarchies.v2 is None:
        pytest.skip("no version 2")
    cgroup.create(None)
    fd = cgroup.open_v2()
    assert fd is not None
    pid, process = clone3(0, cgroup_fd=fd)
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os._exit(0 if f"0::{cgroup.path}\n" in Path("/proc/self/cgroup").read_text() else 1)
    os.close(fd)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(process)


def test_frozen_processes_stand_still_until_thawed(cgroup: Cgroup) -> None:
    cgroup.create(None)
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)

    def tick() -> None:
        while True:
            os.write(write_end, b".")
            time.sleep(0.002)

    tenant = Tenant(cgroup, tick)
    try:
        cgroup.freeze()
        assert cgroup.is_frozen()
        drain(read_end)
        time.sleep(0.05)
        assert drain(read_end) == 0
        cgroup.thaw()
        assert not cgroup.is_frozen()
        assert until(lambda: drain(read_end) > 0)
    finally:
        cgroup.kill()
        tenant.wait()
        os.close(read_end)
        os.close(write_end)


def test_frozen_processes_can_be_killed(cgroup: Cgroup) -> None:
    cgroup.create(None)
    tenant = Tenant(cgroup, forever)
    cgroup.freeze()
    cgroup.kill()
    assert tenant.wait() == -signal.SIGKILL


def drain(fd: int) -> int:
    total = 0
    try:
        while chunk := os.read(fd, 65536):
            total += len(chunk)
    except BlockingIOError:
        pass
    return total


def test_fork_bomb_stays_within_pids_limit_and_dies_at_once(cgroup: Cgroup) -> None:
    cgroup.create(Resources(pids=Pids(20)))

    def bomb() -> None:
        while True:
            try:
                os.fork()
            except OSError:
                time.sleep(0.001)

    tenant = Tenant(cgroup, bomb)
    assert until(lambda: len(cgroup.pids()) >= 20)
    assert len(cgroup.pids()) <= 20
    assert cgroup.stats().pids.limit == 20
    cgroup.kill()
    tenant.wait()
    assert until(lambda: not cgroup.pids())


def test_out_of_memory_is_told_and_counted(cgroup: Cgroup) -> None:
    cgroup.create(Resources(memory=Memory(limit=16 * MEGABYTE, swap=16 * MEGABYTE)))
    watch = cgroup.oom_fd()
    assert watch is not None
    assert cgroup.oom_kill_count() == 0
    epoll = select.epoll()
    epoll.register(watch.fileno(), watch.events)
    try:
        assert epoll.poll(0) == []
        tenant = Tenant(cgroup, lambda: len(bytearray(64 * MEGABYTE)) and None)
        events = epoll.poll(5)
        assert [fd for fd, _ in events] == [watch.fileno()]
        assert tenant.wait() == -signal.SIGKILL
        assert watch.read()
        assert cgroup.oom_kill_count() == 1
    finally:
        epoll.close()
        watch.close()


def test_removal_is_not_taken_for_an_oom_kill(cgroup: Cgroup) -> None:
    cgroup.create(Resources(memory=Memory(limit=16 * MEGABYTE)))
    watch = cgroup.oom_fd()
    assert watch is not None
    cgroup.delete()
    assert not watch.read()
    watch.close()


def test_memory_limits_can_be_raised_and_lowered_together(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    cgroup.create(Resources(memory=Memory(limit=32 * MEGABYTE, swap=64 * MEGABYTE)))
    for limit, swap in ((128, 256), (16, 32), (512, 512), (64, -1)):
        size = swap * MEGABYTE if swap > 0 else swap
        cgroup.update(Resources(memory=Memory(limit=limit * MEGABYTE, swap=size)))
        found = contents(hierarchies, "memory", cgroup, "memory.limit_in_bytes", "memory.max")
        assert found == str(limit * MEGABYTE)


def test_quota_and_period_change_in_any_order(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    cgroup.create(Resources(cpu=Cpu(quota=100000, period=100000)))
    for quota, period in ((2000, 2000), (400000, 400000), (5000, 100000)):
        cgroup.update(Resources(cpu=Cpu(quota=quota, period=period)))
        assert contents(hierarchies, "cpu", cgroup, "cpu.cfs_quota_us", "cpu.max").split()[0] == str(quota)


def test_update_joins_controllers_that_were_not_needed_before(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    cgroup.create(None)
    tenant = Tenant(cgroup, forever)
    cgroup.update(Resources(cpu=Cpu(cpus="0"), pids=Pids(7)))
    assert os.sched_getaffinity(tenant.pid) == {0}
    assert contents(hierarchies, "pids", cgroup, "pids.max", "pids.max") == "7"
    assert contents(hierarchies, "pids", cgroup, "cgroup.procs", "cgroup.procs") == str(tenant.pid)
    cgroup.kill()
    tenant.wait()


def test_cpuset_is_inherited_when_only_a_part_is_given(cgroup: Cgroup) -> None:
    cgroup.create(Resources(cpu=Cpu(cpus="0")))
    tenant = Tenant(cgroup, lambda: 0 if os.sched_getaffinity(0) == {0} else 1)
    assert tenant.wait() == 0


def test_refused_update_leaves_every_limit_as_it_was(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    memory = Memory(limit=64 * MEGABYTE, swap=128 * MEGABYTE)
    cgroup.create(Resources(memory=memory, cpu=Cpu(quota=50000, period=100000, cpus="0"), pids=Pids(33)))

    def limits() -> list[str]:
        return [
            contents(hierarchies, "memory", cgroup, "memory.limit_in_bytes", "memory.max"),
            contents(hierarchies, "memory", cgroup, "memory.memsw.limit_in_bytes", "memory.swap.max"),
            contents(hierarchies, "cpu", cgroup, "cpu.cfs_quota_us", "cpu.max"),
            contents(hierarchies, "cpu", cgroup, "cpu.cfs_period_us", "cpu.max"),
            contents(hierarchies, "pids", cgroup, "pids.max", "pids.max"),
            contents(hierarchies, "cpuset", cgroup, "cpuset.cpus", "cpuset.cpus"),
        ]

    before = limits()
    for size in (16, 256):
        asked = Resources(
            memory=Memory(limit=size * MEGABYTE, swap=size * MEGABYTE),
            cpu=Cpu(quota=20000, period=20000, cpus="0"),
            pids=Pids(5),
            hugepage_limits=(HugepageLimit("2MB", 2 * MEGABYTE),),
            unified={"cgroup.max.depth": "nonsense"},
        )
        with pytest.raises(Invalid, match=r"cgroup\.max\.depth|cannot use unified"):
            cgroup.update(asked)
        assert limits() == before


def test_half_of_a_pair_can_be_updated(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    cgroup.create(Resources(memory=Memory(limit=64 * MEGABYTE), cpu=Cpu(quota=50000, period=100000)))
    cgroup.update(Resources(cpu=Cpu(period=50000), memory=Memory(swap=96 * MEGABYTE)))
    place = hierarchies.of("cpu")
    assert place is not None
    quota = contents(hierarchies, "cpu", cgroup, "cpu.cfs_quota_us", "cpu.max")
    assert quota == ("50000" if place.version == 1 else "50000 50000")
    swap = contents(hierarchies, "memory", cgroup, "memory.memsw.limit_in_bytes", "memory.swap.max")
    assert swap == str((96 if place.version == 1 else 32) * MEGABYTE)


def test_burst_above_the_old_quota_goes_with_the_new_one(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    cgroup.create(Resources(cpu=Cpu(quota=10000, period=100000)))
    cgroup.update(Resources(cpu=Cpu(quota=80000, burst=50000)))
    assert contents(hierarchies, "cpu", cgroup, "cpu.cfs_burst_us", "cpu.max.burst") == "50000"
    cgroup.update(Resources(cpu=Cpu(burst=0)))
    assert contents(hierarchies, "cpu", cgroup, "cpu.cfs_burst_us", "cpu.max.burst") == "0"


def test_idle_group_becomes_busy_again(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    cgroup.create(Resources(cpu=Cpu(idle=1, shares=512)))
    assert contents(hierarchies, "cpu", cgroup, "cpu.idle", "cpu.idle") == "1"
    cgroup.update(Resources(cpu=Cpu(idle=0, shares=1024)))
    assert contents(hierarchies, "cpu", cgroup, "cpu.idle", "cpu.idle") == "0"
    shares = contents(hierarchies, "cpu", cgroup, "cpu.shares", "cpu.weight")
    assert shares in ("1024", "100")


def a_disk() -> tuple[int, int]:
    """The numbers of a whole block device."""
    for name in sorted(os.listdir("/sys/block"), reverse=True):
        if not name.startswith(("loop", "zram", "ram")):
            major, _, minor = Path(f"/sys/block/{name}/dev").read_text().strip().partition(":")
            return int(major), int(minor)
    pytest.skip("no block device")


def test_throttles_are_set_changed_and_put_back(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    major, minor = a_disk()
    first = BlockIO(
        throttle_read_bps_device=(ThrottleDevice(major, minor, MEGABYTE),),
        throttle_write_iops_device=(ThrottleDevice(major, minor, 100),),
    )
    cgroup.create(Resources(block_io=first))

    def rate() -> str:
        return contents(hierarchies, "blkio", cgroup, "blkio.throttle.read_bps_device", "io.max")

    assert str(MEGABYTE) in rate()
    before = rate()
    second = BlockIO(throttle_read_bps_device=(ThrottleDevice(major, minor, 2 * MEGABYTE),))
    with pytest.raises(Invalid):
        cgroup.update(Resources(block_io=second, unified={"cgroup.max.depth": "nonsense"}))
    assert rate() == before
    cgroup.update(Resources(block_io=second))
    assert str(2 * MEGABYTE) in rate()


def test_huge_pages_and_their_reservations_are_limited(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    cgroup.create(Resources(hugepage_limits=(HugepageLimit("2MB", 4 * MEGABYTE),)))
    for infix in ("", ".rsvd"):
        v1, v2 = f"hugetlb.2MB{infix}.limit_in_bytes", f"hugetlb.2MB{infix}.max"
        assert contents(hierarchies, "hugetlb", cgroup, v1, v2) == str(4 * MEGABYTE)


def test_unified_sets_what_the_specification_has_no_word_for(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    if hierarchies.v2 is None:
        pytest.skip("no version 2")
    cgroup.create(Resources(unified={"cgroup.max.descendants": "3"}))
    assert Path(directory_of(hierarchies.v2, cgroup.path), "cgroup.max.descendants").read_text() == "3\n"
    with pytest.raises(Invalid, match="no such file or directory"):
        cgroup.update(Resources(unified={"cgroup.nonsense": "3"}))
    with pytest.raises(Invalid, match='controller "nonsense" not available'):
        cgroup.update(Resources(unified={"nonsense.max": "3"}))


def test_device_rules_are_replaced_while_processes_run(cgroup: Cgroup) -> None:
    cgroup.create(Resources(devices=DEFAULT_RULES))
    null, zero = (os.stat(f"/dev/{name}").st_rdev for name in ("null", "zero"))
    order_read, order_write = os.pipe()
    answer_read, answer_write = os.pipe()

    def obey() -> None:
        while os.read(order_read, 1):
            opened = "".join("+" if opens(f"/dev/{name}", os.O_RDONLY) == "" else "-" for name in ("null", "zero"))
            os.write(answer_write, opened.encode())

    tenant = Tenant(cgroup, obey)

    def allowed() -> str:
        os.write(order_write, b"x")
        return os.read(answer_read, 2).decode()

    try:
        assert allowed() == "++"
        nothing = DeviceRule(False, "a", access="rwm")
        only_null = DeviceRule(True, "c", os.major(null), os.minor(null), "rwm")
        only_zero = DeviceRule(True, "c", os.major(zero), os.minor(zero), "r")
        everything = DeviceRule(True, "a", access="rwm")
        for rules, expected in (
            ((nothing, only_null), "+-"),
            ((nothing, only_zero), "-+"),
            ((nothing,), "--"),
            ((everything,), "++"),
            ((everything, DeviceRule(False, "c", os.major(null), os.minor(null), "rw")), "-+"),
            (DEFAULT_RULES, "++"),
        ):
            cgroup.update(Resources(devices=rules))
            assert allowed() == expected
    finally:
        cgroup.kill()
        tenant.wait()
        for fd in (order_read, order_write, answer_read, answer_write):
            os.close(fd)


def test_replacing_device_rules_leaves_one_program(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    if hierarchies.v2 is None or hierarchies.has_v1("devices"):
        pytest.skip("devices are restricted by version 1")
    cgroup.create(Resources(devices=DEFAULT_RULES))
    group = os.open(directory_of(hierarchies.v2, cgroup.path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        for _ in range(3):
            cgroup.update(Resources(devices=(DeviceRule(False, "a", access="rwm"),)))
            assert len(ebpf.prog_query(group, ebpf.BPF_CGROUP_DEVICE)) == 1
        cgroup.update(Resources(devices=(DeviceRule(True, "a", access="rwm"),)))
        assert ebpf.prog_query(group, ebpf.BPF_CGROUP_DEVICE) == []
    finally:
        os.close(group)


def test_fork_bomb_dies_where_cgroup_kill_is_missing(
    hierarchies: Hierarchies, cgroup: Cgroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before Linux 5.14, and on version 1 alone."""

    def without_kill(path: str, text: str) -> None:
        if path.endswith("/cgroup.kill"):
            raise FileNotFoundError(path)
        write_text(path, text)

    monkeypatch.setattr("corral.runtime.cgroups.cgroup.write_text", without_kill)
    cgroup.create(Resources(pids=Pids(20)))

    def bomb() -> None:
        while True:
            try:
                os.fork()
            except OSError:
                time.sleep(0.001)

    tenant = Tenant(cgroup, bomb)
    assert until(lambda: len(cgroup.pids()) >= 20)
    cgroup.kill()
    tenant.wait()
    assert until(lambda: not cgroup.pids())


def opens(path: str, flags: int) -> str:
    try:
        os.close(os.open(path, flags))
    except OSError as error:
        return os.strerror(error.errno)
    return ""


@pytest.mark.parametrize(
    ("path", "flags", "allowed"),
    [
        ("/dev/null", os.O_RDWR, True),
        ("/dev/urandom", os.O_RDONLY, True),
        ("/dev/kmsg", os.O_RDONLY, False),
        ("/dev/kmsg", os.O_WRONLY, False),
    ],
)
def test_devices_outside_the_default_cannot_be_opened(cgroup: Cgroup, path: str, flags: int, allowed: bool) -> None:
    cgroup.create(Resources(devices=DEFAULT_RULES))
    tenant = Tenant(cgroup, lambda: 0 if (opens(path, flags) == "") == allowed else 1)
    assert tenant.wait() == 0


def test_device_rules_tell_access_apart(cgroup: Cgroup) -> None:
    null = os.stat("/dev/null").st_rdev
    only_read = DeviceRule(True, "c", os.major(null), os.minor(null), "r")
    cgroup.create(Resources(devices=(DeviceRule(False, "a", access="rwm"), only_read)))

    def use() -> int:
        results = [opens("/dev/null", flags) == "" for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR)]
        return 0 if results == [True, False, False] else 1

    assert Tenant(cgroup, use).wait() == 0


def test_devices_denied_out_of_all(cgroup: Cgroup) -> None:
    zero = os.stat("/dev/zero").st_rdev
    cgroup.create(Resources(devices=(DeviceRule(False, "c", os.major(zero), os.minor(zero), "w"),)))

    def use() -> int:
        results = [opens("/dev/zero", os.O_RDONLY), opens("/dev/zero", os.O_WRONLY), opens("/dev/null", os.O_RDWR)]
        return 0 if results == ["", "Operation not permitted", ""] else 1

    assert Tenant(cgroup, use).wait() == 0


def test_nodes_can_be_made_but_not_opened(cgroup: Cgroup, tmp_path: Path) -> None:
    cgroup.create(Resources(devices=DEFAULT_RULES))
    node = str(tmp_path / "disk")

    def use() -> int:
        os.mknod(node, 0o600 | 0o60000, os.makedev(259, 7))
        return 0 if opens(node, os.O_RDONLY) == "Operation not permitted" else 1

    assert Tenant(cgroup, use).wait() == 0


def test_statistics_count_what_was_used(cgroup: Cgroup) -> None:
    cgroup.create(Resources(memory=Memory(limit=64 * MEGABYTE), pids=Pids(9)))

    def work() -> None:
        held = bytearray(8 * MEGABYTE)
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass
        assert held
        forever()

    tenant = Tenant(cgroup, work)
    assert until(lambda: cgroup.stats().cpu.total > 40_000_000)
    found = cgroup.stats()
    assert found.memory.usage > 8 * MEGABYTE
    assert found.memory.limit == 64 * MEGABYTE
    assert (found.pids.current, found.pids.limit) == (1, 9)
    cgroup.kill()
    tenant.wait()


def test_group_without_the_pids_controller_still_counts(cgroup: Cgroup) -> None:
    cgroup.create(None)
    tenants = [Tenant(cgroup, forever) for _ in range(2)]
    assert cgroup.stats().pids.current == 2
    cgroup.kill()
    assert [t.wait() for t in tenants] == [-signal.SIGKILL] * 2


def test_every_controller_can_be_joined(hierarchies: Hierarchies, cgroup: Cgroup) -> None:
    whole = Cgroup.at(hierarchies, cgroup.path, everything=True)
    whole.create(None)
    assert len(directories(hierarchies, cgroup.path)) == len(hierarchies.v1) + (hierarchies.v2 is not None)
    tenant = Tenant(whole, forever)
    lines = Path(f"/proc/{tenant.pid}/cgroup").read_text().splitlines()
    ours = [line for line in lines if not line.endswith("name=corral:/") and (hierarchies.v2 or line[:3] != "0::")]
    assert all(line.endswith(f":{cgroup.path}") for line in ours)
    whole.kill()
    tenant.wait()


def test_a_thread_can_move_itself_through_the_tasks_files(cgroup: Cgroup) -> None:
    """What init does in version 1: since Linux 5.5 it waits for no grace period."""
    cgroup.create(None)

    def move() -> None:
        for path in cgroup.procs_files():
            Path(path).with_name("tasks").write_text("0")
        forever()

    joined = Tenant(cgroup, lambda: 0)
    joined.wait()
    mover = Tenant(cgroup, move)
    assert until(lambda: cgroup.pids() == [mover.pid])
    cgroup.kill()
    mover.wait()


def test_pidfd_info_knows_the_group(cgroup: Cgroup, hierarchies: Hierarchies) -> None:
    if hierarchies.v2 is None:
        pytest.skip("no version 2")
    cgroup.create(None)
    tenant = Tenant(cgroup, forever)
    fd = pidfd.pidfd_open(tenant.pid)
    info = pidfd.pidfd_get_info(fd)
    os.close(fd)
    cgroup.kill()
    tenant.wait()
    if info is not None and info.cgroup_id is not None:
        assert info.cgroup_id == os.stat(directory_of(hierarchies.v2, cgroup.path)).st_ino
