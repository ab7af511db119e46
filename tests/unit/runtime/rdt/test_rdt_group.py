"""Classes of service and monitoring groups, on the files of resctrl as a two-socket Xeon has them.

Files are files here; what the kernel does when a directory is made, and refuses to be written, is played.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from corral.errors import Exhausted, Invalid, NotFound, Unsupported
from corral.oci.runtime import IntelRdt, Resources
from corral.runtime.cgroups import Cgroup, Hierarchies
from corral.runtime.cgroups.hierarchies import Hierarchy
from corral.runtime.rdt import group as module
from corral.runtime.rdt.group import RdtGroup
from corral.runtime.rdt.mount import find
from corral.runtime.rdt.schemata import disagreement
from corral.runtime.rdt.usage import Domain, domains

SCHEMATA = "    L3:0=7ff;1=7ff\n    MB:0=100;1=100\n"


class Resctrl:
    """``written``: lines for schemata files, in order; ``refuse``: those that fail; ``most``: how many classes."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.written: list[tuple[str, str]] = []
        self.refuse = ""
        self.most = 4
        (root / "info").mkdir()
        (root / "info/last_cmd_status").write_text("Mask out of range\n")
        self._populate(root)
        monkeypatch.setattr(module, "make_directory", self._mkdir)
        monkeypatch.setattr(module, "remove_directory", lambda path: shutil.rmtree(path))
        monkeypatch.setattr(module.os, "write", self._write)
        self._true_write = os.write

    def _populate(self, directory: Path) -> None:
        (directory / "schemata").write_text(SCHEMATA)
        (directory / "tasks").touch()
        (directory / "mon_groups").mkdir()

    def _mkdir(self, path: str, mode: int) -> None:
        if len(self.classes()) >= self.most:
            raise OSError(errno.ENOSPC, "No space left on device", path)
        os.mkdir(path, mode)
        if Path(path).parent == self.root:
            self._populate(Path(path))
        else:
            (Path(path) / "tasks").touch()

    def _write(self, fd: int, data: bytes) -> int:
        file = os.readlink(f"/proc/self/fd/{fd}")
        if not file.endswith("/schemata"):
            return os.pwrite(fd, data, 0)
        line = data.decode()
        if self.refuse and self.refuse in line:
            raise OSError(errno.EINVAL, "Invalid argument")
        self.written.append((Path(file).parent.name, line))
        return len(data)

    def classes(self) -> list[str]:
        return sorted(
            path.name for path in self.root.iterdir() if path.is_dir() and path.name[:4] not in ("info", "mon_")
        )

    def group(self, id: str = "box", **fields: object) -> RdtGroup:
        return RdtGroup(IntelRdt(**fields), id, str(self.root))  # type: ignore[arg-type]


@pytest.fixture
def resctrl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resctrl:
    return Resctrl(tmp_path, monkeypatch)


def test_class_without_a_name_is_the_containers_own_and_goes_with_it(resctrl: Resctrl) -> None:
    group = resctrl.group(l3_cache_schema="L3:0=7f0;1=1f", mem_bw_schema="MB:0=20;1=70", schemata=("L2:0=f",))
    group.create()
    assert resctrl.classes() == ["box"]
    assert resctrl.written == [("box", "L3:0=7f0;1=1f\n"), ("box", "MB:0=20;1=70\n"), ("box", "L2:0=f\n")]
    assert group.tasks_files() == [f"{resctrl.root}/box/tasks"]
    group.delete()
    group.delete()
    assert resctrl.classes() == []


def test_class_without_a_name_and_without_limits_is_made(resctrl: Resctrl) -> None:
    resctrl.group().create()
    assert resctrl.classes() == ["box"]
    assert resctrl.written == []


def test_class_that_is_named_is_made_with_its_limits_and_stays(resctrl: Resctrl) -> None:
    group = resctrl.group(clos_id="gold", l3_cache_schema="L3:0=7f0")
    group.create()
    group.delete()
    assert resctrl.classes() == ["gold"]


def test_class_that_exists_must_have_the_limits(resctrl: Resctrl) -> None:
    resctrl.group(clos_id="gold", l3_cache_schema="L3:0=7ff").create()
    resctrl.written.clear()
    resctrl.group("other", clos_id="gold", l3_cache_schema="L3:0=07ff", mem_bw_schema="MB:1=100").create()
    assert resctrl.written == []
    with pytest.raises(Invalid, match=r"gold exists, and not with L3:0=f"):
        resctrl.group("third", clos_id="gold", l3_cache_schema="L3:0=f").create()


def test_class_without_limits_must_exist(resctrl: Resctrl) -> None:
    with pytest.raises(NotFound, match=r"no class of service .*/gold"):
        resctrl.group(clos_id="gold").create()
    os.mkdir(resctrl.root / "gold")
    resctrl.group(clos_id="gold").create()


def test_slash_is_where_everybody_is(resctrl: Resctrl) -> None:
    group = resctrl.group(clos_id="/", enable_monitoring=True)
    group.create()
    assert group.tasks_files() == [f"{resctrl.root}/tasks", f"{resctrl.root}/mon_groups/box/tasks"]
    group.delete()
    assert os.listdir(resctrl.root / "mon_groups") == []
    assert (resctrl.root / "schemata").exists()


def test_monitoring_group_is_within_the_class_and_goes_with_the_container(resctrl: Resctrl) -> None:
    group = resctrl.group(clos_id="gold", l3_cache_schema="L3:0=7f0", enable_monitoring=True)
    group.create()
    assert group.tasks_files()[-1] == f"{resctrl.root}/gold/mon_groups/box/tasks"
    group.delete()
    assert os.listdir(resctrl.root / "gold/mon_groups") == []


def test_limits_that_are_refused_leave_no_class_and_say_why(resctrl: Resctrl) -> None:
    resctrl.refuse = "MB"
    with pytest.raises(Invalid, match=r"box/schemata refuses MB:0=1: Mask out of range"):
        resctrl.group(l3_cache_schema="L3:0=7f0", mem_bw_schema="MB:0=1").create()
    assert resctrl.classes() == []


def test_no_more_classes_is_said(resctrl: Resctrl) -> None:
    resctrl.most = 0
    with pytest.raises(Exhausted, match="no more classes of service"):
        resctrl.group().create()


def test_no_more_monitoring_groups_leaves_no_class(resctrl: Resctrl) -> None:
    resctrl.most = 1
    with pytest.raises(Exhausted, match="no more monitoring groups"):
        resctrl.group(enable_monitoring=True).create()
    assert resctrl.classes() == []


@pytest.mark.parametrize("name", ["a/b", "..", "info", "mon_groups", "/x"])
def test_names_that_are_no_classes(resctrl: Resctrl, name: str) -> None:
    with pytest.raises(Invalid, match=r"invalid intelRdt\.ClosID"):
        resctrl.group(clos_id=name)


def test_update_writes_what_is_given(resctrl: Resctrl) -> None:
    group = resctrl.group()
    group.create()
    group.update(["MB:0=50"])
    assert resctrl.written == [("box", "MB:0=50\n")]


def test_without_resctrl_the_container_is_refused_and_removal_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "mount_point", lambda: None)
    group = RdtGroup(IntelRdt("gold"), "box")
    with pytest.raises(Unsupported, match="Intel RDT is not enabled: no resctrl file system is mounted"):
        group.create()
    assert group.tasks_files() == []
    group.delete()


def test_control_group_has_it_beside(resctrl: Resctrl, tmp_path: Path) -> None:
    top = tmp_path / "mon_cgroup"  # a name that is no class
    (top / "corral/x").mkdir(parents=True)
    for directory in (top, top / "corral"):
        (directory / "cgroup.subtree_control").touch()
    cgroup = Cgroup.at(Hierarchies((), Hierarchy(str(top), 2, frozenset())), "/corral/x")
    cgroup.beside = resctrl.group(enable_monitoring=True)
    cgroup.create(Resources())
    assert cgroup.procs_files() == [f"{resctrl.root}/box/tasks", f"{resctrl.root}/box/mon_groups/box/tasks"]
    cgroup.delete()
    assert resctrl.classes() == []


def test_mount_is_found() -> None:
    text = (
        "25 1 0:22 / /sys rw - sysfs sysfs rw\n"
        "30 25 0:27 /gold /mnt/gold rw - resctrl resctrl rw\n"
        "31 25 0:27 / /sys/fs/resctrl rw,relatime - resctrl resctrl rw\n"
    )
    assert find(text) == "/sys/fs/resctrl"
    assert find(text.splitlines()[0]) is None


@pytest.mark.parametrize(
    ("line", "agrees"),
    [("L3:0=7ff", True), ("L3:1=0x7ff", True), ("L3:0=7fe", False), ("MB: 0 = 100", True), ("L2:0=f", False)],
)
def test_lines_agree_by_value(line: str, agrees: bool) -> None:
    assert (disagreement([line], SCHEMATA) is None) == agrees


def test_what_is_counted(tmp_path: Path) -> None:
    for name, values in (("mon_L3_00", ("4096", "100", "60")), ("mon_L3_01", ("Unavailable", "7", "Error"))):
        directory = tmp_path / "mon_data" / name
        directory.mkdir(parents=True)
        for file, value in zip(("llc_occupancy", "mbm_total_bytes", "mbm_local_bytes"), values, strict=True):
            (directory / file).write_text(f"{value}\n")
    assert domains(str(tmp_path)) == [Domain(4096, 100, 60), Domain(None, 7, None)]
    assert domains(str(tmp_path / "none")) == []
