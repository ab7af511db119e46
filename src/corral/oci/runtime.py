"""The OCI runtime specification 1.2, Linux part: what ``config.json`` of a bundle holds.

Attributes are the specification's names in snake_case; a value that the specification leaves out is None, an empty
tuple or the zero of its type. Extensions, ignored by other runtimes: ``User.username`` holds the user as the client
wrote it ("", "name", "uid", "uid:gid", "name:group") and ``Process.additional_groups`` names or numbers, both resolved
inside the container's own root by init.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from corral.oci.codec import Codec, named

OCI_VERSION: Final = "1.2.0"


@dataclass(frozen=True, slots=True)
class ConsoleSize:
    """In characters."""

    height: int = 0
    width: int = 0


@dataclass(frozen=True, slots=True)
class User:
    uid: int = 0
    gid: int = 0
    umask: int | None = None
    additional_gids: tuple[int, ...] = ()
    username: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Sets of names such as "CAP_CHOWN"."""

    bounding: tuple[str, ...] = ()
    effective: tuple[str, ...] = ()
    inheritable: tuple[str, ...] = ()
    permitted: tuple[str, ...] = ()
    ambient: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rlimit:
    """``type`` such as "RLIMIT_NOFILE"; limits as the kernel counts them, 2**64-1 for none."""

    type: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class Scheduler:
    """sched_setattr(2): ``policy`` such as "SCHED_FIFO"; ``flags`` such as "SCHED_FLAG_RESET_ON_FORK"; times in ns."""

    policy: str
    nice: int = 0
    priority: int = 0
    flags: tuple[str, ...] = ()
    runtime: int = 0
    deadline: int = 0
    period: int = 0


@dataclass(frozen=True, slots=True)
class IOPriority:
    """ioprio_set(2): ``cls`` such as "IOPRIO_CLASS_BE"; ``priority`` 0-7."""

    cls: str = named("class", "")
    priority: int = 0


@dataclass(frozen=True, slots=True)
class ExecCPUAffinity:
    """Lists of processors as cpuset(7) writes them: until the process is in its cgroup, and from then on."""

    initial: str = ""
    final: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    cwd: str = "/"
    terminal: bool = False
    console_size: ConsoleSize | None = None
    user: User = User()
    capabilities: Capabilities | None = None
    rlimits: tuple[Rlimit, ...] = ()
    no_new_privileges: bool = False
    apparmor_profile: str = ""
    oom_score_adj: int | None = None
    selinux_label: str = ""
    scheduler: Scheduler | None = None
    io_priority: IOPriority | None = None
    exec_cpu_affinity: ExecCPUAffinity | None = named("execCPUAffinity", None)
    additional_groups: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return _PROCESS.encode(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Process:
        return _PROCESS.decode(data)


@dataclass(frozen=True, slots=True)
class Root:
    path: str
    readonly: bool = False


@dataclass(frozen=True, slots=True)
class IDMapping:
    """``size`` ids from ``container_id`` on are ``host_id`` and the following ones outside."""

    container_id: int = named("containerID", 0)
    host_id: int = named("hostID", 0)
    size: int = 0


@dataclass(frozen=True, slots=True)
class Mount:
    """``options`` as mount(8) writes them, plus ``x-corral.create=file|dir``: what to make of a missing destination."""

    destination: str
    type: str = ""
    source: str = ""
    options: tuple[str, ...] = ()
    uid_mappings: tuple[IDMapping, ...] = ()
    gid_mappings: tuple[IDMapping, ...] = ()


@dataclass(frozen=True, slots=True)
class Namespace:
    """``type``: pid, network, mount, ipc, uts, user, cgroup or time; a new one when ``path`` is empty."""

    type: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """A node to make: ``type`` c, b, u or p; ``file_mode`` permission bits."""

    path: str
    type: str
    major: int = 0
    minor: int = 0
    file_mode: int | None = None
    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """An entry of the device controller: ``type`` a, c or b; numbers None for all; ``access`` out of "rwm"."""

    allow: bool = False
    type: str = ""
    major: int | None = None
    minor: int | None = None
    access: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes; -1 for unlimited; ``swap`` counts memory and swap together, ``swappiness`` is a per cent."""

    limit: int | None = None
    reservation: int | None = None
    swap: int | None = None
    kernel: int | None = None
    kernel_tcp: int | None = named("kernelTCP", None)
    swappiness: int | None = None
    disable_oom_killer: bool | None = named("disableOOMKiller", None)
    use_hierarchy: bool | None = None
    check_before_update: bool | None = None


@dataclass(frozen=True, slots=True)
class Cpu:
    """``shares`` as version 1 counts them (2-262144); quotas, periods, runtimes in microseconds; lists as cpuset(7)."""

    shares: int | None = None
    quota: int | None = None
    burst: int | None = None
    period: int | None = None
    realtime_runtime: int | None = None
    realtime_period: int | None = None
    cpus: str = ""
    mems: str = ""
    idle: int | None = None


@dataclass(frozen=True, slots=True)
class Pids:
    """-1 or 0 for unlimited."""

    limit: int = 0


@dataclass(frozen=True, slots=True)
class WeightDevice:
    major: int
    minor: int
    weight: int | None = None
    leaf_weight: int | None = None


@dataclass(frozen=True, slots=True)
class ThrottleDevice:
    """``rate`` in bytes or operations a second."""

    major: int
    minor: int
    rate: int


@dataclass(frozen=True, slots=True)
class BlockIO:
    """Weights as version 1 counts them (10-1000)."""

    weight: int | None = None
    leaf_weight: int | None = None
    weight_device: tuple[WeightDevice, ...] = ()
    throttle_read_bps_device: tuple[ThrottleDevice, ...] = ()
    throttle_write_bps_device: tuple[ThrottleDevice, ...] = ()
    throttle_read_iops_device: tuple[ThrottleDevice, ...] = named("throttleReadIOPSDevice", ())
    throttle_write_iops_device: tuple[ThrottleDevice, ...] = named("throttleWriteIOPSDevice", ())


@dataclass(frozen=True, slots=True)
class HugepageLimit:
    """``page_size`` such as "2MB"; ``limit`` in bytes."""

    page_size: str
    limit: int


@dataclass(frozen=True, slots=True)
class Rdma:
    """Of one device: handles and objects of host channel adapters."""

    hca_handles: int | None = None
    hca_objects: int | None = None


@dataclass(frozen=True, slots=True)
class InterfacePriority:
    name: str
    priority: int


@dataclass(frozen=True, slots=True)
class NetworkResources:
    """Version 1 only: ``class_id`` for net_cls, ``priorities`` for net_prio."""

    class_id: int | None = named("classID", None)
    priorities: tuple[InterfacePriority, ...] = ()


@dataclass(frozen=True, slots=True)
class Resources:
    memory: Memory | None = None
    cpu: Cpu | None = None
    pids: Pids | None = None
    block_io: BlockIO | None = named("blockIO", None)
    devices: tuple[DeviceRule, ...] = ()
    hugepage_limits: tuple[HugepageLimit, ...] = ()
    network: NetworkResources | None = None
    rdma: dict[str, Rdma] = field(default_factory=dict)
    unified: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return _RESOURCES.encode(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Resources:
        return _RESOURCES.decode(data)


@dataclass(frozen=True, slots=True)
class SeccompArg:
    """``index`` 0-5; ``op`` such as SCMP_CMP_EQ; SCMP_CMP_MASKED_EQ: ``value`` is the mask, ``value_two`` the datum."""

    index: int
    value: int
    op: str
    value_two: int = 0


@dataclass(frozen=True, slots=True)
class SeccompSyscall:
    """All of ``args`` must hold for ``action`` to be taken."""

    names: tuple[str, ...]
    action: str
    errno_ret: int | None = None
    args: tuple[SeccompArg, ...] = ()


@dataclass(frozen=True, slots=True)
class Seccomp:
    """Actions such as SCMP_ACT_ALLOW; architectures such as SCMP_ARCH_X86_64; flags such as SECCOMP_FILTER_FLAG_LOG."""

    default_action: str
    default_errno_ret: int | None = None
    architectures: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    listener_path: str = ""
    listener_metadata: str = ""
    syscalls: tuple[SeccompSyscall, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return _SECCOMP.encode(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Seccomp:
        return _SECCOMP.decode(data)


@dataclass(frozen=True, slots=True)
class Personality:
    """personality(2): ``domain`` LINUX or LINUX32; the specification knows no ``flags`` yet."""

    domain: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TimeOffset:
    """Of a clock ("monotonic", "boottime") in a new time namespace."""

    secs: int = 0
    nanosecs: int = 0


@dataclass(frozen=True, slots=True)
class MemoryPolicy:
    """set_mempolicy(2): ``mode`` such as "MPOL_INTERLEAVE", ``nodes`` as cpuset(7) lists, ``flags`` such as
    "MPOL_F_STATIC_NODES"."""

    mode: str
    nodes: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IntelRdt:
    """``clos_id`` "" is a class of the container's own. 1.3 has ``enable_monitoring`` for what were two before."""

    clos_id: str = named("closID", "")
    l3_cache_schema: str = ""
    mem_bw_schema: str = ""
    schemata: tuple[str, ...] = ()
    enable_monitoring: bool = False
    enable_cmt: bool = named("enableCMT", False)
    enable_mbm: bool = named("enableMBM", False)

    @property
    def monitored(self) -> bool:
        return self.enable_monitoring or self.enable_cmt or self.enable_mbm


@dataclass(frozen=True, slots=True)
class NetDevice:
    """A device of the host's to be moved into the container; ``name`` in there, the key's when empty."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Linux:
    """``cgroups_path`` is relative to each hierarchy's mount point, with or without a leading slash."""

    namespaces: tuple[Namespace, ...] = ()
    uid_mappings: tuple[IDMapping, ...] = ()
    gid_mappings: tuple[IDMapping, ...] = ()
    devices: tuple[Device, ...] = ()
    cgroups_path: str = ""
    resources: Resources | None = None
    sysctl: dict[str, str] = field(default_factory=dict)
    seccomp: Seccomp | None = None
    rootfs_propagation: str = ""
    masked_paths: tuple[str, ...] = ()
    readonly_paths: tuple[str, ...] = ()
    mount_label: str = ""
    personality: Personality | None = None
    time_offsets: dict[str, TimeOffset] = field(default_factory=dict)
    memory_policy: MemoryPolicy | None = None
    intel_rdt: IntelRdt | None = None
    net_devices: dict[str, NetDevice] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hook:
    """``args`` with the program's name first, ("path",) when empty; ``timeout`` in seconds."""

    path: str
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    timeout: int | None = None


@dataclass(frozen=True, slots=True)
class Hooks:
    """In the order of a container's life. ``prestart`` is deprecated, but runc's and podman's users have them."""

    prestart: tuple[Hook, ...] = ()
    create_runtime: tuple[Hook, ...] = ()
    create_container: tuple[Hook, ...] = ()
    start_container: tuple[Hook, ...] = ()
    poststart: tuple[Hook, ...] = ()
    poststop: tuple[Hook, ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    oci_version: str = OCI_VERSION
    process: Process = Process()
    root: Root = Root("rootfs")
    hostname: str = ""
    domainname: str = ""
    mounts: tuple[Mount, ...] = ()
    linux: Linux = field(default_factory=Linux)
    hooks: Hooks | None = None
    annotations: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"ociVersion": self.oci_version, **_SPEC.encode(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Spec:
        """Raises ValueError naming the type and the field that is missing or has the wrong shape."""
        return _SPEC.decode(data)


_PROCESS: Final = Codec.of(Process)
_RESOURCES: Final = Codec.of(Resources)
_SECCOMP: Final = Codec.of(Seccomp)
_SPEC: Final = Codec.of(Spec)
