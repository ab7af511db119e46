"""Plans for whole containers, and carrying them out on directories that stand for control groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from corral.errors import Invalid
from corral.oci.runtime import (
    Cpu,
    DeviceRule,
    HugepageLimit,
    InterfacePriority,
    Linux,
    Memory,
    Mount,
    NetworkResources,
    Pids,
    Rdma,
    Resources,
    Spec,
)
from corral.runtime.cgroups import Cgroup, delegation, memory, network, oom, pids, rdma, stats
from corral.runtime.cgroups.hierarchies import Hierarchies, Hierarchy
from corral.runtime.cgroups.plan import Plan, make_plan
from corral.runtime.cgroups.write import Write, apply

V1_NAMES = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids")
SEPARATE = tuple(Hierarchy(f"/cg/{name}", 1, frozenset({name})) for name in V1_NAMES)
CORE = Hierarchy("/cg/unified", 2, frozenset({"hugetlb"}))
V2 = Hierarchy("/cg", 2, frozenset({"cpuset", "cpu", "io", "memory", "pids", "hugetlb"}))
HYBRID, PURE_V1, PURE_V2 = Hierarchies(SEPARATE, CORE), Hierarchies(SEPARATE, None), Hierarchies((), V2)


def joined(plan: Plan) -> list[str]:
    return [place.directory for place in plan.places]


def test_plain_container_joins_only_what_it_needs() -> None:
    assert joined(make_plan(HYBRID, "/corral/x", Resources())) == [
        "/cg/unified/corral/x",
        "/cg/memory/corral/x",
        "/cg/cpu/corral/x",
        "/cg/devices/corral/x",
    ]


def test_limits_add_the_controllers_that_they_need() -> None:
    plan = make_plan(HYBRID, "corral/x", Resources(pids=Pids(5), cpu=Cpu(cpus="0")))
    assert {"/cg/pids/corral/x", "/cg/cpuset/corral/x"} <= set(joined(plan))
    assert "/cg/blkio/corral/x" not in joined(plan)


def test_version_1_alone_needs_its_controllers_for_freezing_and_counting() -> None:
    assert {"/cg/freezer/x", "/cg/cpuacct/x", "/cg/pids/x"} <= set(joined(make_plan(PURE_V1, "/x", Resources())))


def test_container_that_sees_the_hierarchies_writable_joins_all() -> None:
    plan = make_plan(HYBRID, "/x", Resources(), everything=True)
    assert len(plan.places) == len(SEPARATE) + 1
    assert make_plan(PURE_V2, "/x", Resources(), everything=True).enable == (
        "memory",
        "cpu",
        "pids",
        "io",
        "cpuset",
        "hugetlb",
    )


@pytest.mark.parametrize(("option", "everything"), [("ro", False), ("rw", True)])
def test_spec_with_a_writable_cgroup_mount_joins_all(fake: FakeV2, option: str, everything: bool) -> None:
    fake.make("corral/x")
    (fake.root / "cgroup.subtree_control").write_text("")
    mount = Mount("/sys/fs/cgroup", "cgroup", "cgroup", ("nosuid", option))
    Cgroup.of_spec(fake.hierarchies, Spec(mounts=(mount,), linux=Linux(cgroups_path="/corral/x"))).create(None)
    enabled = (fake.root / "cgroup.subtree_control").read_text()
    assert ("+hugetlb" in enabled) is everything


def test_version_2_is_one_directory() -> None:
    resources = Resources(memory=Memory(limit=100), cpu=Cpu(cpus="0"), pids=Pids(3))
    plan = make_plan(PURE_V2, "/corral/x", resources)
    assert joined(plan) == ["/cg/corral/x"]
    assert plan.enable == ("memory", "cpu", "pids", "io", "cpuset")
    assert {w.file for w in plan.places[0].writes} == {"memory.max", "cpuset.cpus", "pids.max"}


def test_hybrid_takes_from_version_2_what_version_1_lacks() -> None:
    plan = make_plan(HYBRID, "/x", Resources(hugepage_limits=(HugepageLimit("2MB", 1),)))
    assert plan.enable == ("hugetlb",)
    assert [w.file for w in plan.places[0].writes] == ["hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"]


def test_missing_controller_is_a_warning_when_asked_for() -> None:
    nothing = Hierarchies((), Hierarchy("/cg", 2, frozenset()))
    plan = make_plan(nothing, "/x", Resources(memory=Memory(limit=100), pids=Pids(3)))
    assert plan.warnings == (memory.WARNING, pids.WARNING)
    assert make_plan(nothing, "/x", Resources()).warnings == ()


def test_unified_needs_version_2() -> None:
    with pytest.raises(Invalid, match="cannot use unified on cgroup v1"):
        make_plan(PURE_V1, "/x", Resources(unified={"memory.high": "1"}))
    pure = make_plan(PURE_V2, "/x", Resources(unified={"io.max": "8:0 rbps=1"}))
    assert "io" in pure.enable
    assert pure.places[0].writes[-1] == Write("io.max", "8:0 rbps=1", must=True)


def test_unified_file_that_the_kernel_does_not_have_is_an_error(fake: FakeV2) -> None:
    cgroup = Cgroup.at(fake.hierarchies, "/corral/x")
    with pytest.raises(Invalid, match=r'unable to set unified resource "memory\.nonsense": no such file or directory'):
        cgroup.create(Resources(unified={"memory.nonsense": "1"}))


def test_version_1_controllers_for_the_network_are_joined_when_asked_for() -> None:
    more = tuple(Hierarchy(f"/cg/{name}", 1, frozenset({name})) for name in ("net_cls", "net_prio", "rdma"))
    host = Hierarchies(SEPARATE + more, CORE)
    assert not {"/cg/net_cls/x", "/cg/net_prio/x", "/cg/rdma/x"} & set(joined(make_plan(host, "/x", Resources())))
    given = Resources(network=NetworkResources(1, (InterfacePriority("lo", 1),)), rdma={"a": Rdma(hca_handles=1)})
    plan = make_plan(host, "/x", given)
    assert {"/cg/net_cls/x", "/cg/net_prio/x", "/cg/rdma/x"} <= set(joined(plan))
    assert make_plan(PURE_V2, "/x", given).warnings == (
        network.CLASS_WARNING,
        network.PRIORITY_WARNING,
        rdma.WARNING,
    )


@pytest.mark.parametrize("path", ["", "/", "/a/../b", "..", "/a//b", "./a"])
def test_paths_that_are_not_plain_are_refused(path: str) -> None:
    with pytest.raises(Invalid, match="invalid cgroup path"):
        Cgroup.at(HYBRID, path)


# -- writes


def test_missing_files_warn_once_or_try_the_alternative(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    writes = [
        Write("gone", "1", "no such limit"),
        Write("gone", "2", "no such limit"),
        Write("gone", "3"),
        Write("gone", "4", "not shown", Write("other", "5")),
    ]
    assert apply(str(tmp_path), writes) == ["no such limit"]
    assert (tmp_path / "other").read_text() == "5"


def test_other_errors_name_the_file_and_the_value(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(OSError, match="Is a directory") as caught:
        apply(str(tmp_path), [Write("directory", "1")])
    assert caught.value.filename == f"{tmp_path}/directory"


# -- version 2 on a directory


class FakeV2:
    """Directories with the files that a version 2 kernel would show."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hierarchies = Hierarchies((), Hierarchy(str(root), 2, V2.controllers))

    def make(self, path: str, **files: str) -> Path:
        directory = self.root / path.strip("/")
        directory.mkdir(parents=True, exist_ok=True)
        for name in ("cgroup.procs", "cgroup.subtree_control", "cgroup.freeze", "cgroup.kill"):
            (directory / name).write_text("")
        for name, text in files.items():
            (directory / name.replace("__", ".")).write_text(text)
        return directory


@pytest.fixture
def fake(tmp_path: Path) -> FakeV2:
    kernel = FakeV2(tmp_path / "cg")
    kernel.make("", cgroup__subtree_control="cpuset cpu io memory pids")
    kernel.make("corral", cgroup__subtree_control="cpuset cpu io memory pids")
    return kernel


def test_version_2_limits_land_in_their_files(fake: FakeV2) -> None:
    names = ("memory__max", "memory__swap__max", "cpu__weight", "cpu__max", "pids__max")
    directory = fake.make("corral/x", **dict.fromkeys(names, ""))
    resources = Resources(
        memory=Memory(limit=100, swap=150), cpu=Cpu(shares=1024, quota=5000, period=10000), pids=Pids(7)
    )
    assert Cgroup.at(fake.hierarchies, "/corral/x").create(resources) == []
    found = {name.replace("__", "."): (directory / name.replace("__", ".")).read_text() for name in names}
    assert found == {
        "memory.max": "100",
        "memory.swap.max": "50",
        "cpu.weight": "100",
        "cpu.max": "5000 10000",
        "pids.max": "7",
    }


def test_version_2_file_that_is_missing_is_a_warning(fake: FakeV2) -> None:
    fake.make("corral/x", memory__max="")
    warnings = Cgroup.at(fake.hierarchies, "/corral/x").create(Resources(memory=Memory(limit=100, swap=150)))
    assert warnings == [memory.SWAP_WARNING]


def test_version_2_is_born_into_and_not_joined(fake: FakeV2) -> None:
    directory = fake.make("corral/x")
    cgroup = Cgroup.at(fake.hierarchies, "/corral/x")
    assert cgroup.procs_files() == []
    assert cgroup.procs_files(v2=True) == [f"{directory}/cgroup.procs"]


def test_version_2_members_are_counted_in_nested_groups(fake: FakeV2) -> None:
    fake.make("corral/x", cgroup__procs="12\n11\n")
    fake.make("corral/x/a/b", cgroup__procs="13\n0\n")
    assert Cgroup.at(fake.hierarchies, "/corral/x").pids() == [11, 12, 13]


def test_version_2_kill_is_one_write(fake: FakeV2) -> None:
    directory = fake.make("corral/x")
    Cgroup.at(fake.hierarchies, "/corral/x").kill()
    assert (directory / "cgroup.kill").read_text() == "1"


def test_devices_cannot_be_left_unrestricted_silently() -> None:
    from corral.errors import Unsupported

    cgroup = Cgroup.at(Hierarchies((), None), "/x")
    with pytest.raises(Unsupported, match="Devices cgroup isn't mounted"):
        cgroup.create(Resources(devices=(DeviceRule(allow=False, type="a", access="rwm"),)))
    assert cgroup.create(Resources(devices=(DeviceRule(allow=True, type="a", access="rwm"),))) == []


def test_group_that_does_not_exist_has_nothing() -> None:
    cgroup = Cgroup.at(HYBRID, "/corral/none")
    assert (cgroup.pids(), cgroup.oom_kill_count(), cgroup.is_frozen(), cgroup.oom_fd()) == ([], 0, False, None)
    assert cgroup.stats().memory == stats.MemoryStats()
    cgroup.kill()
    cgroup.delete()


# -- delegation


def control(monkeypatch: pytest.MonkeyPatch, refuse: dict[str, int]) -> list[tuple[str, str]]:
    """Record writes to cgroup.subtree_control; ``refuse``: controllers that fail, how often."""
    import errno

    written: list[tuple[str, str]] = []

    def write(path: str, text: str) -> None:
        written.append((path, text))
        if refuse.get(text, 0) > 0:
            refuse[text] -= 1
            raise OSError(errno.EBUSY, "busy", path)

    monkeypatch.setattr(delegation, "write_text", write)
    return written


def test_controllers_are_enabled_all_the_way_down_once(fake: FakeV2, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.make("", cgroup__subtree_control="memory")
    fake.make("a", cgroup__subtree_control="")
    written = control(monkeypatch, {})
    assert fake.hierarchies.v2 is not None
    assert delegation.enable_controllers(fake.hierarchies.v2, "/a/x", ("memory", "pids")) == []
    assert written == [
        (f"{fake.root}/cgroup.subtree_control", "+pids"),
        (f"{fake.root}/a/cgroup.subtree_control", "+memory"),
        (f"{fake.root}/a/cgroup.subtree_control", "+pids"),
    ]


def test_controller_that_cannot_be_enabled_is_a_warning(fake: FakeV2, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.make("", cgroup__subtree_control="")
    written = control(monkeypatch, {"+pids": 9})
    assert fake.hierarchies.v2 is not None
    warnings = delegation.enable_controllers(fake.hierarchies.v2, "/corral/x", ("pids",))
    assert len(warnings) == 1
    assert 'controller "pids" cannot be enabled' in warnings[0]
    assert not [path for path, _ in written if "corral" in path]


def test_root_with_processes_is_vacated_first(fake: FakeV2, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container, whose root group is not the real root: no internal processes."""
    fake.make("", cgroup__subtree_control="", cgroup__procs="41\n")
    written = control(monkeypatch, {"+pids": 1})
    reads = iter(["", "41\n", ""])
    monkeypatch.setattr(delegation, "read_text", lambda _: next(reads))
    assert fake.hierarchies.v2 is not None
    assert delegation.enable_controllers(fake.hierarchies.v2, "/x", ("pids",)) == []
    assert [text for _, text in written] == ["+pids", "41", "+pids"]
    assert written[1][0] == f"{fake.root}/{delegation.LEAF}/cgroup.procs"


# -- numbers


def test_stats_of_version_2(fake: FakeV2) -> None:
    fake.make(
        "corral/x",
        memory__current="1000\n",
        memory__peak="2000\n",
        memory__max="4096\n",
        memory__stat="anon 5\nfile 6\n",
        memory__events="low 0\nmax 3\noom 1\noom_kill 2\n",
        cpu__stat="usage_usec 9\nuser_usec 5\nsystem_usec 4\nnr_periods 2\nnr_throttled 1\nthrottled_usec 7\n",
        pids__current="4\n",
        pids__max="max\n",
        io__stat="8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n",
    )
    cgroup = Cgroup.at(fake.hierarchies, "/corral/x")
    found = cgroup.stats()
    assert found.version == 2
    assert found.memory == stats.MemoryStats(
        1000, 2000, 4096, 3, {"anon": 5, "file": 6}, {"low": 0, "max": 3, "oom": 1, "oom_kill": 2}, 2
    )
    assert found.cpu == stats.CpuStats(9000, 5000, 4000, (), 2, 1, 7000)
    assert found.pids == stats.PidsStats(4, None)
    assert found.io_bytes == (stats.BlkioEntry(8, 0, "read", 1), stats.BlkioEntry(8, 0, "write", 2))
    assert found.io_operations == (stats.BlkioEntry(8, 0, "read", 3), stats.BlkioEntry(8, 0, "write", 4))
    assert cgroup.oom_kill_count() == 2


def test_stats_of_version_1(tmp_path: Path) -> None:
    hierarchies = Hierarchies(tuple(Hierarchy(str(tmp_path / n), 1, frozenset({n})) for n in V1_NAMES), None)
    files = {
        "memory/x/memory.usage_in_bytes": "1000\n",
        "memory/x/memory.max_usage_in_bytes": "2000\n",
        "memory/x/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/x/memory.failcnt": "3\n",
        "memory/x/memory.stat": "cache 5\n",
        "memory/x/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        "cpuacct/x/cpuacct.usage": "9\n",
        "cpuacct/x/cpuacct.usage_user": "5\n",
        "cpuacct/x/cpuacct.usage_sys": "4\n",
        "cpuacct/x/cpuacct.usage_percpu": "3 6 \n",
        "cpu/x/cpu.stat": "nr_periods 2\nnr_throttled 1\nthrottled_time 7\n",
        "pids/x/pids.current": "4\n",
        "pids/x/pids.max": "50\n",
        "blkio/x/blkio.throttle.io_service_bytes_recursive": "8:0 Read 1\n8:0 Write 2\nTotal 3\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = Cgroup.at(hierarchies, "/x").stats()
    assert found.memory == stats.MemoryStats(1000, 2000, None, 3, {"cache": 5}, {"max": 3, "oom_kill": 2}, 1)
    assert found.cpu == stats.CpuStats(9, 5, 4, (3, 6), 2, 1, 7)
    assert found.pids == stats.PidsStats(4, 50)
    assert [entry.value for entry in found.io_bytes] == [1, 2]
    assert oom.kill_count(str(tmp_path / "memory/x"), 1) == 2
