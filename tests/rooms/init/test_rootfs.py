"""The root filesystem and what every container finds in it."""

from __future__ import annotations

import dataclasses
import os
import stat
from pathlib import Path

import pytest

from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Device, Mount, Root
from corral.runtime.cgroups import Cgroup
from corral.runtime.cgroups.hierarchies import Hierarchies
from corral.runtime.init import rootfs
from support.boxes import MOUNTS, NAMESPACES, NEEDS, STRICT, Box, in_box, shell, spec

pytestmark = pytest.mark.requires(*NEEDS)


def run(box: Box, script: str, **fields: object) -> list[str]:
    outcome = in_box(box, lambda box: box.run(spec(shell(script), **fields)))  # type: ignore[arg-type]
    assert not outcome.error, outcome.error
    return outcome.lines


def overlay(box: Box, tmp_path: Path, layers: list[Path], base: str = "") -> Box:
    for name in ("upper", "work"):
        (tmp_path / name).mkdir()
    lower = ":".join(os.path.relpath(layer, base) if base else str(layer) for layer in layers)
    prefix = "" if base else f"{tmp_path}/"
    options = (f"lowerdir={lower}", f"upperdir={prefix}upper", f"workdir={prefix}work", "index=off")
    return Box((RootfsMount("overlay", "overlay", options, base),), box.bundle, box.cgroup)


@pytest.mark.requires("overlay")
def test_an_overlay_is_written_above_its_layers(box: Box, root: Path, tmp_path: Path) -> None:
    (root / "etc/passwd").chmod(0o644)
    layered = overlay(box, tmp_path, [root], base=str(tmp_path))
    assert run(layered, "echo new > /etc/new; rm /etc/group; ls /etc; mount | head -1 | cut -d' ' -f1,3") == [
        "new", "passwd", "overlay /",
    ]  # fmt: skip
    assert (root / "etc/group").exists()
    assert (tmp_path / "upper/etc/new").read_text() == "new\n"


def deep(tmp_path: Path, root: Path) -> list[Path]:
    """128 layers, whose names do not fit into one page."""
    layers = []
    for number in range(127):
        layer = tmp_path / "layers" / f"{number:064d}" / "diff"
        layer.mkdir(parents=True)
        (layer / f"from{number}").touch()
        layers.append(layer)
    assert len(":".join(map(str, layers))) > 4096
    return [*layers, root]


@pytest.mark.requires("overlay")
def test_128_layers_are_mounted(box: Box, root: Path, tmp_path: Path) -> None:
    layered = overlay(box, tmp_path, deep(tmp_path, root))
    assert run(layered, "ls -d /from* | wc -l; touch /x; ls /x") == ["127", "/x"]


@pytest.mark.requires("overlay")
def test_128_layers_are_mounted_where_layers_cannot_be_added_one_by_one(
    box: Box, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(22, "as before Linux 6.8")

    monkeypatch.setattr(rootfs, "_configure_overlay", refuse)
    layered = overlay(box, tmp_path, deep(tmp_path, root))
    assert run(layered, "ls -d /from* | wc -l; touch /x; ls /x") == ["127", "/x"]


def test_without_mounts_the_specs_root_is_used(box: Box, root: Path) -> None:
    root.rename(box.bundle / "rootfs")
    plain = Box((), box.bundle, box.cgroup)
    assert run(plain, "cat /etc/passwd | wc -l") == ["2"]


def test_a_root_that_is_not_there_is_an_error_that_names_it(box: Box, tmp_path: Path) -> None:
    missing = Box((RootfsMount("bind", str(tmp_path / "missing")),), box.bundle, box.cgroup)
    outcome = in_box(missing, lambda box: box.run(spec(shell("true"))))
    assert outcome.error.startswith(f"error preparing rootfs: bind at {tmp_path}/missing: ")
    assert "no such file or directory" in outcome.error


def test_a_read_only_root_keeps_its_mounts_writable(box: Box) -> None:
    script = "touch /x 2>&1; touch /dev/shm/x && echo shm; touch /etc/x 2>&1"
    assert run(box, script, root=Root("rootfs", readonly=True)) == [
        "touch: /x: Read-only file system", "shm", "touch: /etc/x: Read-only file system",
    ]  # fmt: skip


def test_the_root_is_the_first_of_the_containers_mounts(box: Box, tmp_path: Path) -> None:
    mounts = (Mount("/x", "bind", str(tmp_path), ("rbind", "ro")),)
    lines = run(box, "cut -d' ' -f5 /proc/self/mountinfo", mounts=mounts)
    assert lines[:3] == ["/", "/proc", "/dev"]
    assert lines.index("/x") > lines.index("/dev/shm")


def test_nothing_of_the_host_is_left(box: Box, tmp_path: Path) -> None:
    script = f"ls {tmp_path} 2>&1; cut -d' ' -f5 /proc/self/mountinfo | grep -c {tmp_path}; ls /.. | tr '\\n' ' '"
    lines = run(box, script)
    assert lines[:2] == [f"ls: {tmp_path}: No such file or directory", "0"]
    assert set(lines[2].split()) == {"bin", "dev", "etc", "proc", "root", "sys", "tmp"}


def test_the_standard_nodes_and_links_are_in_dev(box: Box) -> None:
    script = (
        "cd /dev; for n in null zero full random urandom tty; do stat -c '%n %t:%T %a' $n; done;"
        "for n in fd stdin stdout stderr ptmx; do echo $n $(readlink $n); done"
    )
    assert run(box, script) == [
        "null 1:3 666", "zero 1:5 666", "full 1:7 666", "random 1:8 666", "urandom 1:9 666", "tty 5:0 666",
        "fd /proc/self/fd", "stdin /proc/self/fd/0", "stdout /proc/self/fd/1", "stderr /proc/self/fd/2",
        "ptmx pts/ptmx",
    ]  # fmt: skip


def test_devices_asked_for_are_made_with_owner_and_mode(box: Box) -> None:
    devices = (Device("/dev/snd/seq", "c", 116, 1, 0o660, 5, 29), Device("/dev/loop9", "b", 7, 9))
    script = "stat -c '%n %F %t:%T %a %u:%g' /dev/snd/seq /dev/loop9"
    assert run(box, script, linux={"devices": devices}) == [
        "/dev/snd/seq character special file 74:1 660 5:29", "/dev/loop9 block special file 7:9 666 0:0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "device", [Device("/dev/zero", "c", 1, 3), Device("/dev/null", "b", 1, 3), Device("/dev/zero", "p")]
)
def test_a_device_that_is_something_else_already_is_an_error(box: Box, device: Device) -> None:
    taken = Mount(device.path, "bind", "/dev/zero", ("bind",))
    outcome = in_box(box, lambda box: box.run(spec(shell("true"), mounts=(taken,), linux={"devices": (device,)})))
    assert outcome.error == f"error creating device nodes: {device.path}: exists and is not the requested device"


def test_a_device_that_is_there_already_is_taken(box: Box) -> None:
    taken = Mount("/dev/zero", "bind", "/dev/zero", ("bind",))
    devices = (Device("/dev/zero", "c", 1, 5),)
    outcome = in_box(box, lambda box: box.run(spec(shell("true"), mounts=(taken,), linux={"devices": devices})))
    assert (outcome.error, outcome.code) == ("", 0)


def test_nodes_are_made_in_the_root_when_nothing_is_mounted_on_dev(box: Box, root: Path) -> None:
    """The runtime MUST supply the default devices (config-linux.md, "Default Devices")."""
    mounts = tuple(mount for mount in MOUNTS if not mount.destination.startswith("/dev"))
    description = dataclasses.replace(spec(shell("ls /dev | sort | tr '\\n' ' '")), mounts=mounts)
    for _ in range(2):
        outcome = in_box(box, lambda box: box.run(description))
        assert outcome.lines == ["fd full null ptmx random stderr stdin stdout tty urandom zero "], outcome.error
    assert stat.S_ISCHR((root / "dev/null").stat().st_mode)


def test_a_dev_of_the_users_own_is_left_as_it_is(box: Box, tmp_path: Path) -> None:
    dev = tmp_path / "dev"
    dev.mkdir()
    os.mknod(dev / "null", 0o20666, os.makedev(1, 3))
    mounts = (*(m for m in MOUNTS if not m.destination.startswith("/dev")), Mount("/dev", "bind", str(dev), ("rbind",)))
    assert run(box, "ls /dev", mounts=(), linux={}) != ["null"]
    outcome = in_box(box, lambda box: box.run(dataclasses.replace(spec(shell("ls /dev")), mounts=mounts)))
    assert outcome.lines == ["null"]
    assert [path.name for path in dev.iterdir()] == ["null"]


def test_shm_has_the_size_and_the_mode_asked_for(box: Box) -> None:
    assert run(box, "df -k /dev/shm | tail -1 | awk '{print $2}'; stat -c %a /dev/shm /dev/mqueue") == [
        "65536", "1777", "1777",
    ]  # fmt: skip


def test_proc_and_sys_are_the_containers_and_sys_is_read_only(box: Box) -> None:
    script = (
        "ls /sys/class/net; mkdir /sys/fs/x 2>&1 | grep -o Read-only; ls -d /proc/1; echo 1 > /proc/sys/vm/swappiness"
    )
    assert run(box, script)[:3] == ["lo", "Read-only", "/proc/1"]


def test_masked_and_read_only_paths(box: Box) -> None:
    script = (
        "cat /proc/keys | wc -c; ls /sys/firmware | wc -l; touch /sys/firmware/x 2>&1 | grep -o Read-only;"
        "(echo 1 > /proc/sys/kernel/panic) 2>&1 | grep -o Read-only; ls /proc/nowhere 2>&1"
    )
    assert run(box, script) == [
        "0", "0", "Read-only", "Read-only", "ls: /proc/nowhere: No such file or directory",
    ]  # fmt: skip


def test_a_readonly_path_holds_for_what_is_mounted_below_it(box: Box, tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    mounts = (Mount("/data/sub", "bind", str(tmp_path / "volume"), ("rbind", "rw")),)
    lines = run(box, "touch /data/sub/x 2>&1", mounts=mounts, linux={"readonly_paths": ("/data",)})
    assert lines == ["touch: /data/sub/x: Read-only file system"]


@pytest.mark.requires("cgroup")
@pytest.mark.parametrize("private", [True, False], ids=["own cgroup namespace", "the host's cgroup namespace"])
def test_sys_fs_cgroup_shows_the_containers_own_group_read_only(box: Box, mark: str, private: bool) -> None:
    hierarchies = Hierarchies.of_host()
    cgroup = Cgroup.at(hierarchies, f"/{mark}-init{os.getpid()}", everything=True)
    placed = Box(box.rootfs, box.bundle, cgroup)
    namespaces = tuple(n for n in NAMESPACES if private or n.type != "cgroup")
    point = "/sys/fs/cgroup/memory" if hierarchies.has_v1("memory") else "/sys/fs/cgroup"
    if not private and not hierarchies.has_v1("memory"):
        point += cgroup.path
    script = (
        f"cat {point}/cgroup.procs; mkdir {point}/x 2>&1 | grep -o Read-only; cut -d: -f3 /proc/self/cgroup | sort -u"
    )
    cgroup.create(None)
    try:
        lines = run(placed, script, linux={"namespaces": namespaces})
    finally:
        cgroup.delete()
    assert lines[0] == "1"
    assert lines[-2:] == ["Read-only", "/" if private else cgroup.path]


@pytest.mark.requires("cgroup")
def test_the_process_is_in_its_cgroup_from_the_first_instruction(box: Box, mark: str) -> None:
    cgroup = Cgroup.at(Hierarchies.of_host(), f"/{mark}-initin{os.getpid()}")
    placed = Box(box.rootfs, box.bundle, cgroup)

    def scenario(box: Box) -> bool:
        with box.running(spec(shell("exec sleep 100"))) as running:
            return cgroup.pids() == [running.child.pid]

    cgroup.create(None)
    try:
        assert in_box(placed, scenario)
    finally:
        cgroup.delete()


def test_sysfs_without_options_is_writable_for_privileged_containers(box: Box) -> None:
    mounts = tuple(Mount("/sys", "sysfs", "sysfs", (*STRICT, "rw")) if m.destination == "/sys" else m for m in MOUNTS)
    script = "awk '$5 == \"/sys\" {print substr($6, 1, 2)}' /proc/self/mountinfo"
    outcome = in_box(box, lambda box: box.run(dataclasses.replace(spec(shell(script)), mounts=mounts)))
    assert outcome.lines == ["rw"]
