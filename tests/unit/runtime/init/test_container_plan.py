"""What is planned before the clone."""

from __future__ import annotations

import dataclasses

import pytest

from corral.errors import Invalid, Unsupported
from corral.linux import namespace as ns
from corral.oci.annotations import REAPER
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import IDMapping, Linux, Mount, Namespace, Process, Root, Spec, TimeOffset
from corral.runtime.init.cgroupfs import Place, controllers_of
from corral.runtime.init.idmap import UserPlan
from corral.runtime.init.plan import ContainerPlan, make_plan


def plan(*namespaces: Namespace, **fields: object) -> ContainerPlan:
    linux = dataclasses.replace(fields.pop("linux", Linux()), namespaces=namespaces)  # type: ignore[type-var]
    spec = Spec(process=Process(args=("true",)), linux=linux, **fields)  # type: ignore[arg-type]
    return make_plan(spec, (), "/run/corral/containers/x")


def test_new_namespaces_are_made_by_the_clone_except_the_cgroup_one() -> None:
    made = plan(*(Namespace(kind) for kind in ("mount", "pid", "network", "ipc", "uts", "cgroup")))
    assert made.clone_flags == (ns.CLONE_NEWNS | ns.CLONE_NEWPID | ns.CLONE_NEWNET | ns.CLONE_NEWIPC | ns.CLONE_NEWUTS)
    assert made.cgroup_namespace
    assert (made.joins, made.pid_namespace) == ((), "")


def test_paths_are_joined_and_the_pid_namespace_by_the_parent() -> None:
    made = plan(Namespace("network", "/run/netns/a"), Namespace("pid", "/proc/7/ns/pid"), Namespace("ipc", "/i"))
    assert made.joins == ((ns.CLONE_NEWNET, "/run/netns/a"), (ns.CLONE_NEWIPC, "/i"))
    assert made.pid_namespace == "/proc/7/ns/pid"
    assert made.clone_flags == ns.CLONE_NEWNS, "the mount namespace is always new"
    assert not made.new_network


def test_what_is_not_supported_is_said() -> None:
    with pytest.raises(Unsupported):
        plan(Namespace("mount", "/proc/1/ns/mnt"))


def test_a_user_namespace_has_maps_and_a_root() -> None:
    ids = (IDMapping(0, 100000, 65536),)
    user = plan(Namespace("user"), linux=Linux(uid_mappings=ids, gid_mappings=ids)).user
    assert user is not None
    assert user.maps is not None
    assert user.maps.uid_text == "0 100000 65536\n"
    assert user.maps.root == (100000, 100000)
    with pytest.raises(Invalid, match="uidMappings: no mapping is given"):
        plan(Namespace("user"))
    with pytest.raises(Invalid, match="user 0 of the container is not mapped"):
        plan(Namespace("user"), linux=Linux(uid_mappings=(IDMapping(1, 100000, 5),), gid_mappings=ids))
    assert plan(Namespace("user", "/proc/7/ns/user")).user == UserPlan("/proc/7/ns/user", None)


def test_maps_without_a_user_namespace_are_refused() -> None:
    ids = (IDMapping(0, 100000, 65536),)
    with pytest.raises(Invalid, match="user namespace isn't enabled"):
        plan(linux=Linux(uid_mappings=ids, gid_mappings=ids))


def test_offsets_of_a_time_namespace_are_lines_for_the_kernel() -> None:
    offsets = {"monotonic": TimeOffset(100, 5), "boottime": TimeOffset(-3)}
    made = plan(Namespace("time"), linux=Linux(time_offsets=offsets))
    assert made.offsets == "monotonic 100 5\nboottime -3 0\n"
    assert plan(Namespace("time")).offsets == "monotonic 0 0\n"
    assert plan().offsets == ""
    assert plan(Namespace("time", "/proc/7/ns/time")).joins == ((ns.CLONE_NEWTIME, "/proc/7/ns/time"),)
    with pytest.raises(Invalid, match="time namespace isn't enabled"):
        plan(linux=Linux(time_offsets=offsets))
    with pytest.raises(Invalid, match="unknown clock 'realtime'"):
        plan(Namespace("time"), linux=Linux(time_offsets={"realtime": TimeOffset(1)}))


def test_there_must_be_a_command() -> None:
    with pytest.raises(Invalid, match="no command specified"):
        make_plan(Spec(), (), "/b")


def test_the_root_is_the_bundles_unless_mounts_are_given() -> None:
    assert plan(root=Root("rootfs")).rootfs == (RootfsMount("bind", "/run/corral/containers/x/rootfs", ("rbind",)),)
    assert plan(root=Root("/elsewhere")).rootfs[0].source == "/elsewhere"


def test_dev_is_the_containers_own_unless_it_is_the_hosts() -> None:
    assert plan(mounts=(Mount("/dev", "tmpfs", "tmpfs"),)).own_dev
    assert not plan(mounts=(Mount("/dev", "bind", "/dev", ("rbind",)),)).own_dev
    assert plan().own_dev


def test_what_cannot_be_had_is_said() -> None:
    with pytest.raises(Invalid, match="invalid rootfsPropagation: wide"):
        make_plan(Spec(process=Process(args=("true",)), linux=Linux(rootfs_propagation="wide")), (), "/b")


@pytest.mark.parametrize("field", ["hostname", "domainname"])
def test_the_hosts_name_is_not_changed(field: str) -> None:
    process = Process(args=("true",))
    for namespaces in ((), (Namespace("uts", "/proc/self/ns/uts"),)):
        with pytest.raises(Invalid, match=f"unable to set {field} without a private UTS namespace"):
            make_plan(Spec(process=process, linux=Linux(namespaces), **{field: "x"}), (), "/b")
    for namespace in (Namespace("uts"), Namespace("uts", "/proc/none/ns/uts")):
        make_plan(Spec(process=process, linux=Linux((namespace,)), **{field: "x"}), (), "/b")


def test_the_reapers_command_line_is_in_an_annotation() -> None:
    shown = plan(annotations={REAPER: '["/sbin/docker-init", "--", "true"]'}).reaper
    assert shown == ("/sbin/docker-init", "--", "true")
    assert plan().reaper == ()


def test_mount_points_of_the_hierarchies_are_what_remains_of_the_paths() -> None:
    files = ["/sys/fs/cgroup/cpu,cpuacct/corral/x/cgroup.procs", "/sys/fs/cgroup/memory/corral/x/cgroup.procs"]
    assert controllers_of(Place("/corral/x", files, None)) == [
        ("/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/corral/x"),
        ("/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/corral/x"),
    ]
