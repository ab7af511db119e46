"""Options of mounts -> what the kernel is asked for."""

from __future__ import annotations

import pytest

from corral.linux import mount as m
from corral.oci.runtime import Mount
from corral.runtime.init.mounts import Kind, MountPlan, flag_names, plan_mount

PRIVATE = m.MS_PRIVATE | m.MS_REC


def bind(*options: str) -> MountPlan:
    return plan_mount(Mount("/x", "bind", "/src", options))


def test_a_bind_is_private_unless_it_says_otherwise() -> None:
    assert bind("rbind") == MountPlan(Kind.BIND, "/src", "/x", recursive=True, propagation=PRIVATE)
    assert bind("bind").recursive is False


@pytest.mark.parametrize(
    ("option", "flags"),
    [
        ("private", m.MS_PRIVATE),
        ("rprivate", PRIVATE),
        ("slave", m.MS_SLAVE),
        ("rslave", m.MS_SLAVE | m.MS_REC),
        ("shared", m.MS_SHARED),
        ("rshared", m.MS_SHARED | m.MS_REC),
        ("unbindable", m.MS_UNBINDABLE),
        ("runbindable", m.MS_UNBINDABLE | m.MS_REC),
    ],
)
def test_propagation(option: str, flags: int) -> None:
    assert bind("rbind", option).propagation == flags


def test_bind_as_an_option_makes_a_bind_of_any_type() -> None:
    assert plan_mount(Mount("/x", "none", "/src", ("rbind",))).kind is Kind.BIND
    assert plan_mount(Mount("/x", "", "/src", ("bind",))).kind is Kind.BIND


@pytest.mark.parametrize(
    ("options", "attributes"),
    [
        (("ro",), (m.MOUNT_ATTR_RDONLY, 0)),
        (("ro", "rw"), (0, m.MOUNT_ATTR_RDONLY)),
        (("suid", "dev", "exec"), (0, m.MOUNT_ATTR_NOSUID | m.MOUNT_ATTR_NODEV | m.MOUNT_ATTR_NOEXEC)),
        (("dev", "nodev"), (m.MOUNT_ATTR_NODEV, 0)),
        (("symfollow", "diratime"), (0, m.MOUNT_ATTR_NOSYMFOLLOW | m.MOUNT_ATTR_NODIRATIME)),
        (("nosymfollow",), (m.MOUNT_ATTR_NOSYMFOLLOW, 0)),
        (("atime",), (m.MOUNT_ATTR_RELATIME, m.MOUNT_ATTR__ATIME)),
        (("norelatime",), (m.MOUNT_ATTR_STRICTATIME, m.MOUNT_ATTR__ATIME)),
        (("nostrictatime",), (m.MOUNT_ATTR_RELATIME, m.MOUNT_ATTR__ATIME)),
        (("noatime", "strictatime"), (m.MOUNT_ATTR_STRICTATIME, m.MOUNT_ATTR__ATIME)),
        (("nosuid", "nodev", "noexec"), (m.MOUNT_ATTR_NOSUID | m.MOUNT_ATTR_NODEV | m.MOUNT_ATTR_NOEXEC, 0)),
        (("noatime",), (m.MOUNT_ATTR_NOATIME, m.MOUNT_ATTR__ATIME)),
        (("relatime",), (m.MOUNT_ATTR_RELATIME, m.MOUNT_ATTR__ATIME)),
        (("strictatime", "ro"), (m.MOUNT_ATTR_STRICTATIME | m.MOUNT_ATTR_RDONLY, m.MOUNT_ATTR__ATIME)),
    ],
)
def test_flags_of_a_bind_are_attributes_of_the_mount(options: tuple[str, ...], attributes: tuple[int, int]) -> None:
    plan = bind("rbind", *options)
    assert (plan.attributes, plan.recursive_attributes, plan.flags) == (attributes, (0, 0), 0)


def test_recursive_options_are_attributes_of_the_tree_and_later_ones_win() -> None:
    assert bind("rbind", "rro").recursive_attributes == (m.MOUNT_ATTR_RDONLY, 0)
    assert bind("rbind", "rro", "rrw").recursive_attributes == (0, m.MOUNT_ATTR_RDONLY)
    both = m.MOUNT_ATTR_RDONLY | m.MOUNT_ATTR_NOEXEC
    assert bind("rbind", "rrw", "rro", "rnoexec").recursive_attributes == (both, 0)


def test_a_new_file_system_has_flags_and_data() -> None:
    plan = plan_mount(Mount("/proc", "proc", "proc", ("nosuid", "noexec", "nodev", "hidepid=2")))
    assert (plan.kind, plan.fstype, plan.data) == (Kind.NEW, "proc", "hidepid=2")
    assert plan.flags == m.MS_NOSUID | m.MS_NOEXEC | m.MS_NODEV
    assert plan.propagation == 0


def test_what_the_kernel_does_not_know_is_data_in_order() -> None:
    plan = plan_mount(Mount("/t", "tmpfs", "tmpfs", ("size=1m", "rw", "mode=700", "nosuid", "z")))
    assert (plan.data, plan.flags) == ("size=1m,mode=700", m.MS_NOSUID)


def test_a_read_only_tmpfs_is_sealed_later_and_a_read_only_sysfs_at_once() -> None:
    tmpfs = plan_mount(Mount("/t", "tmpfs", "tmpfs", ("ro",)))
    assert (tmpfs.sealed, tmpfs.flags) == (True, 0)
    sysfs = plan_mount(Mount("/sys", "sysfs", "sysfs", ("ro",)))
    assert (sysfs.sealed, sysfs.flags) == (False, m.MS_RDONLY)


@pytest.mark.parametrize("kind", ["cgroup", "cgroup2"])
def test_cgroup_mounts_are_a_view(kind: str) -> None:
    plan = plan_mount(Mount("/sys/fs/cgroup", kind, kind, ("ro", "nosuid")))
    assert plan.kind is Kind.CGROUP
    assert plan.attributes == (m.MOUNT_ATTR_RDONLY | m.MOUNT_ATTR_NOSUID, 0)


@pytest.mark.parametrize("path", ["x/y", "/x/y/", "//x//y", "/x/./y", "/x/z/../y", "/../x/y"])
def test_destinations_are_made_absolute_and_plain(path: str) -> None:
    assert plan_mount(Mount(path, "tmpfs", "tmpfs")).destination == "/x/y"


def test_extensions() -> None:
    assert bind("rbind", "x-corral.create=file").create == "file"
    assert plan_mount(Mount("/t", "tmpfs", "tmpfs", ("tmpcopyup",))).copy_up is True


def test_flag_names_read_as_in_runc() -> None:
    assert flag_names(m.MS_BIND | m.MS_REC) == "MS_BIND|MS_REC"
    assert flag_names(0) == "0"
