"""HostConfig: everything about a container that belongs to this host and not to its image."""

from __future__ import annotations

from corral.api.types.mount import Mount
from corral.api.types.wire import UNSET, CommandLine, UnsetType, Wire, field

__all__ = [
    "DeviceMapping",
    "DeviceRequest",
    "HostConfig",
    "LogConfig",
    "PortBinding",
    "PortMap",
    "Resources",
    "RestartPolicy",
    "ThrottleDevice",
    "Ulimit",
    "WeightDevice",
]


class PortBinding(Wire):
    """``host_port`` is a number, a range ("8000-8010"), or empty for any free port."""

    host_ip: str = ""
    host_port: str = ""


PortMap = dict[str, list[PortBinding] | None]
"""By "80/tcp"."""


class LogConfig(Wire):
    type: str = ""
    config: dict[str, str] | None = None


class RestartPolicy(Wire):
    """``name`` is "", no, always, unless-stopped or on-failure."""

    name: str = ""
    maximum_retry_count: int = 0


class WeightDevice(Wire):
    path: str = ""
    weight: int = 0


class ThrottleDevice(Wire):
    """``rate`` in bytes or operations a second."""

    path: str = ""
    rate: int = 0


class DeviceMapping(Wire):
    path_on_host: str = ""
    path_in_container: str = ""
    cgroup_permissions: str = ""


class DeviceRequest(Wire):
    driver: str = ""
    count: int = 0
    device_ids: list[str] | None = field(default=None, name="DeviceIDs")
    capabilities: list[list[str]] | None = None
    options: dict[str, str] | None = None


class Ulimit(Wire):
    """-1 is unlimited."""

    name: str = ""
    hard: int = 0
    soft: int = 0


class Resources(Wire):
    """Limits; 0 means none, in an update "leave as it is". Memory in bytes, CPU times in microseconds."""

    cpu_shares: int = 0
    memory: int = 0
    nano_cpus: int = 0
    cgroup_parent: str = ""
    blkio_weight: int = 0
    blkio_weight_device: list[WeightDevice] | None = None
    blkio_device_read_bps: list[ThrottleDevice] | None = None
    blkio_device_write_bps: list[ThrottleDevice] | None = None
    blkio_device_read_iops: list[ThrottleDevice] | None = field(default=None, name="BlkioDeviceReadIOps")
    blkio_device_write_iops: list[ThrottleDevice] | None = field(default=None, name="BlkioDeviceWriteIOps")
    cpu_period: int = 0
    cpu_quota: int = 0
    cpu_realtime_period: int = 0
    cpu_realtime_runtime: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    devices: list[DeviceMapping] | None = None
    device_cgroup_rules: list[str] | None = None
    device_requests: list[DeviceRequest] | None = None
    kernel_memory: int | UnsetType = UNSET
    kernel_memory_tcp: int | UnsetType = field(default=UNSET, name="KernelMemoryTCP")
    memory_reservation: int = 0
    memory_swap: int = 0
    """Memory and swap together; -1 is unlimited swap."""
    memory_swappiness: int | None = None
    """-1 (what the docker CLI sends) and None inherit."""
    oom_kill_disable: bool | None = None
    pids_limit: int | None = None
    """0 (in create), -1 and None are unlimited."""
    ulimits: list[Ulimit] | None = None
    cpu_count: int = 0
    cpu_percent: int = 0
    io_maximum_iops: int = field(default=0, name="IOMaximumIOps")
    io_maximum_bandwidth: int = field(default=0, name="IOMaximumBandwidth")


class HostConfig(Resources):
    binds: list[str] | None = None
    container_id_file: str = field(default="", name="ContainerIDFile")
    log_config: LogConfig = field(default_factory=LogConfig)
    network_mode: str = ""
    """"", default, bridge, none, host, container:REF or the name of a network."""
    port_bindings: PortMap | None = None
    restart_policy: RestartPolicy = field(default_factory=RestartPolicy)
    auto_remove: bool = False
    volume_driver: str = ""
    volumes_from: list[str] | None = None
    console_size: tuple[int, int] = (0, 0)
    """Height, width."""
    annotations: dict[str, str] | UnsetType | None = UNSET
    cap_add: CommandLine = None
    cap_drop: CommandLine = None
    cgroupns_mode: str = ""
    dns: list[str] | None = None
    dns_options: list[str] | None = None
    dns_search: list[str] | None = None
    extra_hosts: list[str] | None = None
    group_add: list[str] | None = None
    ipc_mode: str = ""
    cgroup: str = ""
    links: list[str] | None = None
    oom_score_adj: int = 0
    pid_mode: str = ""
    privileged: bool = False
    publish_all_ports: bool = False
    readonly_rootfs: bool = False
    security_opt: list[str] | None = None
    storage_opt: dict[str, str] | UnsetType | None = UNSET
    tmpfs: dict[str, str] | UnsetType | None = UNSET
    uts_mode: str = field(default="", name="UTSMode")
    userns_mode: str = ""
    shm_size: int = 0
    sysctls: dict[str, str] | UnsetType | None = UNSET
    runtime: str | UnsetType = UNSET
    isolation: str = ""
    mounts: list[Mount] | UnsetType | None = UNSET
    masked_paths: list[str] | None = None
    """None asks for the default set; [] for none."""
    readonly_paths: list[str] | None = None
    init: bool | UnsetType | None = UNSET
