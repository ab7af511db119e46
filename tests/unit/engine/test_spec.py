"""The runtime spec of a container: each option where it belongs, and nothing else changed."""

from __future__ import annotations

import json

import pytest

from corral.api.types.host_config import DeviceMapping, ThrottleDevice, Ulimit
from corral.api.types.wire import replace
from corral.engine.container.defaults import command_line, complete_config, complete_host_config
from corral.engine.container.record import ContainerID, ContainerRecord
from corral.engine.container.security_options import parse as parse_security
from corral.engine.container.settings import Settings
from corral.engine.spec.build import build
from corral.engine.spec.devices import host_devices
from corral.engine.spec.host import HostFacts
from corral.engine.spec.input import HostDevices, SpecInput
from corral.engine.spec.resources import cgroup_path
from corral.errors import Invalid
from corral.oci.image import ContainerConfig
from corral.oci.runtime import (
    BlockIO,
    Cpu,
    Device,
    DeviceRule,
    Memory,
    Mount,
    Namespace,
    Pids,
    Rlimit,
    Spec,
)
from corral.oci.runtime import ThrottleDevice as OciThrottle
from corral.runtime.cgroups.devices import DEFAULT_RULES
from corral.runtime.security.capabilities import DEFAULT
from unit.engine.fakes import create_request

ID = ContainerID("c" * 64)
MB = 1 << 20
HOST = HostFacts(hostname="machine")


def record_of(**fields: object) -> ContainerRecord:
    request = create_request(**fields)
    config = complete_config(request, ContainerConfig(env=["PATH=/bin"]))
    config = replace(config, hostname=config.hostname or ID[:12])
    path, args = command_line(config)
    return ContainerRecord(
        id=ID,
        name="web",
        created=1,
        image_id="sha256:" + "b" * 64,
        image_ref="busybox",
        path=path,
        args=args,
        config=config,
        host_config=complete_host_config(request.host_config, Settings(), HOST),
        networking=request.networking_config,
        mounts=(),
        storage_driver="overlay2",
    )


def spec_of(given: dict[str, object] | None = None, **fields: object) -> Spec:
    """``given``: fields of SpecInput; ``fields``: of the request."""
    record = record_of(**fields)
    security = parse_security(record.host_config.security_opt or ())
    return build(SpecInput(record=record, host=HOST, capabilities=DEFAULT, security=security, **(given or {})))  # type: ignore[arg-type]


def mounts_of(spec: Spec) -> dict[str, Mount]:
    return {mount.destination: mount for mount in spec.mounts}


def kinds(spec: Spec) -> list[str]:
    return [namespace.type for namespace in spec.linux.namespaces]


def test_the_spec_of_an_ordinary_container() -> None:
    spec = spec_of({"etc": {"hosts": "/d/hosts"}, "seccomp": {"io.corral.seccomp.bpf": "/f.bpf"}})
    assert spec.process.to_json() == {
        "args": ["sleep", "9"],
        "env": ["PATH=/bin", f"HOSTNAME={ID[:12]}"],
        "capabilities": {"bounding": list(DEFAULT), "effective": list(DEFAULT), "permitted": list(DEFAULT)},
        "oomScoreAdj": 0,
    }
    assert (spec.hostname, spec.annotations) == (ID[:12], {"io.corral.seccomp.bpf": "/f.bpf"})
    assert kinds(spec) == ["network", "pid", "ipc", "uts", "mount"]
    assert spec.linux.cgroups_path == f"/corral/{ID}"
    assert spec.linux.resources is not None
    assert spec.linux.resources.devices == DEFAULT_RULES
    assert spec.linux.sysctl == {
        "net.ipv4.ip_unprivileged_port_start": "0",
        "net.ipv4.ping_group_range": "0 2147483647",
    }
    assert list(mounts_of(spec)) == [
        "/proc",
        "/dev",
        "/dev/pts",
        "/sys",
        "/sys/fs/cgroup",
        "/dev/mqueue",
        "/dev/shm",
        "/etc/hosts",
    ]
    assert "ro" in mounts_of(spec)["/sys"].options
    assert "/proc/kcore" in spec.linux.masked_paths
    assert "/proc/sys" in spec.linux.readonly_paths


def test_command_environment_directory_user_and_terminal() -> None:
    spec = spec_of(
        entrypoint=["/entry", "x"],
        cmd=["y"],
        env=["A=1", "PATH=/mine", "TERM=vt100"],
        working_dir="/work",
        user="1000:staff",
        group_add=["audio", "44"],
        tty=True,
        console_size=(24, 80),
        hostname="h",
        domainname="example.com",
    )
    process = spec.process
    assert process.args == ("/entry", "x", "y")
    assert process.env == ("PATH=/mine", "HOSTNAME=h", "TERM=vt100", "A=1")
    assert (process.cwd, process.user.username, process.additional_groups) == ("/work", "1000:staff", ("audio", "44"))
    assert process.terminal
    assert process.console_size is not None and process.console_size.width == 80
    assert (spec.hostname, spec.domainname) == ("h", "example.com")


def test_a_variable_without_a_value_is_taken_away() -> None:
    assert spec_of(env=["HOSTNAME"]).process.env == ("PATH=/bin",)


@pytest.mark.parametrize(
    ("field", "kind"),
    [("network_mode", "network"), ("pid_mode", "pid"), ("ipc_mode", "ipc"), ("uts_mode", "uts")],
)
def test_host_modes_share_the_hosts_namespace(field: str, kind: str) -> None:
    assert kind not in kinds(spec_of(**{field: "host"}))


def test_cgroup_namespaces_are_private_when_asked_for() -> None:
    assert "cgroup" in kinds(spec_of(cgroupns_mode="private"))


def test_a_sandbox_and_other_containers_namespaces_are_joined_by_path() -> None:
    spec = spec_of({"namespaces": {"network": "/run/netns/x", "pid": "/proc/7/ns/pid"}}, pid_mode="container:a")
    assert Namespace("network", "/run/netns/x") in spec.linux.namespaces
    assert Namespace("pid", "/proc/7/ns/pid") in spec.linux.namespaces


def test_dev_shm_follows_the_ipc_mode() -> None:
    assert mounts_of(spec_of(shm_size=8 * MB))["/dev/shm"].options[-1] == f"size={8 * MB}"
    assert "/dev/shm" not in mounts_of(spec_of(ipc_mode="none"))
    assert mounts_of(spec_of(ipc_mode="host"))["/dev/shm"].source == "/dev/shm"
    assert mounts_of(spec_of({"shm": "/run/shm/d"}, ipc_mode="container:d"))["/dev/shm"].source == "/run/shm/d"


def test_a_users_mount_replaces_the_systems_at_the_same_place() -> None:
    mine = (Mount("/dev/shm", "bind", "/x"), Mount("/etc/hosts", "bind", "/h"), Mount("/proc", "bind", "/p"))
    mounts = list(spec_of({"mounts": mine, "etc": {"hosts": "/d/hosts"}}).mounts)
    destinations = [mount.destination for mount in mounts]
    assert all(destinations.count(mount.destination) == 1 for mount in mine)
    assert set(mine) <= set(mounts)


def test_mounts_come_after_what_they_are_mounted_in() -> None:
    inner, outer = Mount("/a/b/c", "bind", "/1"), Mount("/a", "bind", "/2")
    mounts = spec_of({"mounts": (inner, outer)}).mounts
    assert mounts.index(outer) < mounts.index(inner)


def test_a_volume_at_etc_does_not_hide_the_files_in_it() -> None:
    spec = spec_of({"mounts": (Mount("/etc", "bind", "/v"),), "etc": {"hosts": "/d/hosts"}})
    assert [mount.destination for mount in spec.mounts][-2:] == ["/etc", "/etc/hosts"]


def test_a_read_only_root_makes_the_files_in_etc_read_only() -> None:
    spec = spec_of({"etc": {"hosts": "/d/hosts"}}, readonly_rootfs=True)
    assert spec.root.readonly
    assert "ro" in mounts_of(spec)["/etc/hosts"].options


def test_init_is_the_reaper_with_the_program_as_its_child() -> None:
    spec = spec_of(init=True)
    assert json.loads(spec.annotations["io.corral.reaper"]) == ["/sbin/docker-init", "--", "sleep", "9"]
    assert spec.process.args == ("sleep", "9")
    assert spec_of(init=True, pid_mode="host").annotations == {}


def test_privileged_sees_and_writes_everything() -> None:
    spec = spec_of({"devices": HostDevices((Device("/dev/fuse", "c", 10, 229),))}, privileged=True)
    assert (spec.linux.masked_paths, spec.linux.readonly_paths) == ((), ())
    assert spec.linux.resources is not None
    assert spec.linux.resources.devices == (DeviceRule(True, "a", access="rwm"),)
    assert "rw" in mounts_of(spec)["/sys"].options
    assert "rw" in mounts_of(spec)["/sys/fs/cgroup"].options
    assert [device.path for device in spec.linux.devices] == ["/dev/fuse"]


def test_devices_add_a_node_and_a_rule() -> None:
    record = record_of(
        devices=[DeviceMapping("/dev/null", "/dev/mine", "rw")], device_cgroup_rules=["c 10:* rwm", "b 8:1 r"]
    )
    found = host_devices(record.host_config)
    assert [(node.path, node.type, node.major, node.minor) for node in found.nodes] == [("/dev/mine", "c", 1, 3)]
    assert found.rules == (
        DeviceRule(True, "c", 1, 3, "rw"),
        DeviceRule(True, "c", 10, None, "rwm"),
        DeviceRule(True, "b", 8, 1, "r"),
    )


def test_device_rules_that_are_malformed_are_refused() -> None:
    with pytest.raises(Invalid, match="invalid device cgroup rule format: 'foo'"):
        host_devices(record_of(device_cgroup_rules=["foo"]).host_config)


def test_privileged_containers_get_all_devices_but_those_of_their_own() -> None:
    paths = {node.path for node in host_devices(record_of(privileged=True).host_config).nodes}
    assert not paths & {"/dev/null", "/dev/ptmx", "/dev/console", "/dev/tty"}
    assert not [path for path in paths if path.startswith(("/dev/pts/", "/dev/shm/", "/dev/mqueue/"))]


def test_limits() -> None:
    spec = spec_of(
        {"block_devices": {"/dev/vda": (254, 0)}},
        memory=64 * MB,
        memory_reservation=32 * MB,
        memory_swappiness=10,
        nano_cpus=1_500_000_000,
        cpu_shares=512,
        cpuset_cpus="0",
        pids_limit=10,
        blkio_weight=100,
        blkio_device_read_bps=[ThrottleDevice("/dev/vda", 1000)],
        cgroup_parent="/mine",
    )
    resources = spec.linux.resources
    assert resources is not None
    assert resources.memory == Memory(limit=64 * MB, reservation=32 * MB, swap=128 * MB, swappiness=10)
    assert resources.cpu == Cpu(shares=512, quota=150_000, period=100_000, cpus="0")
    assert resources.pids == Pids(10)
    assert resources.block_io == BlockIO(weight=100, throttle_read_bps_device=(OciThrottle(254, 0, 1000),))
    assert spec.linux.cgroups_path == f"/mine/{ID}"


def test_place_under_systemd_is_a_scope_in_a_slice() -> None:
    settings = Settings(cgroup_driver="systemd", cgroup_parent="system.slice")
    assert spec_of({"settings": settings}).linux.cgroups_path == f"system.slice:corral:{ID}"
    mine = spec_of({"settings": settings}, cgroup_parent="a-b.slice")
    assert mine.linux.cgroups_path == f"a-b.slice:corral:{ID}"
    assert cgroup_path(record_of(cgroup_parent="a-b.slice"), settings) == f"/a.slice/a-b.slice/corral-{ID}.scope"


def test_ulimits_and_the_daemons_defaults() -> None:
    record = record_of(ulimits=[Ulimit("nofile", 2048, 1024)])
    settings = Settings(default_ulimits=(Ulimit("nofile", 1, 1), Ulimit("core", -1, -1)))
    spec = build(SpecInput(record=record, settings=settings))
    assert spec.process.rlimits == (
        Rlimit("RLIMIT_NOFILE", 1024, 2048),
        Rlimit("RLIMIT_CORE", 2**64 - 1, 2**64 - 1),
    )


def test_no_new_privileges_by_option_and_by_default() -> None:
    assert spec_of(security_opt=["no-new-privileges"]).process.no_new_privileges
    assert spec_of(security_opt=["no-new-privileges:true"]).process.no_new_privileges
    settings = Settings(no_new_privileges=True)
    assert build(SpecInput(record=record_of(), settings=settings)).process.no_new_privileges
    off = record_of(security_opt=["no-new-privileges=false"])
    given = SpecInput(record=off, settings=settings, security=parse_security(["no-new-privileges=false"]))
    assert not build(given).process.no_new_privileges


def test_ambient_and_inheritable_capabilities_stay_empty_cve_2022_24769() -> None:
    capabilities = spec_of().process.capabilities
    assert capabilities is not None
    assert (capabilities.ambient, capabilities.inheritable) == ((), ())


def test_sysctls_of_ones_own_namespaces_only() -> None:
    assert spec_of(sysctls={"net.ipv4.ip_forward": "1"}).linux.sysctl["net.ipv4.ip_forward"] == "1"
    assert spec_of(sysctls={"kernel.shmmax": "1"}).linux.sysctl["kernel.shmmax"] == "1"
    with pytest.raises(Invalid, match=r'sysctl "net\.core\.somaxconn" not allowed in host network namespace'):
        spec_of(network_mode="host", sysctls={"net.core.somaxconn": "1"})
    for name, fields in (("kernel.shmmax", {"ipc_mode": "host"}), ("kernel.panic", {}), ("vm.swappiness", {})):
        with pytest.raises(Invalid, match=f'sysctl "{name}" is not in a separate kernel namespace'):
            spec_of(sysctls={name: "1"}, **fields)


def test_a_shared_network_keeps_its_sysctls() -> None:
    assert spec_of(network_mode="host").linux.sysctl == {}
    assert spec_of({"namespaces": {"network": "/proc/7/ns/net"}}, network_mode="container:x").linux.sysctl == {}
