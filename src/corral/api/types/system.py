"""The daemon about itself: version, info and disk usage."""

from __future__ import annotations

from corral.api.types.container import ContainerSummary
from corral.api.types.image import ImageSummary
from corral.api.types.volume import Volume
from corral.api.types.wire import UNSET, UnsetType, Wire, field

__all__ = [
    "Commit",
    "Component",
    "DeviceInfo",
    "DiskUsage",
    "FirewallInfo",
    "IndexInfo",
    "PlatformName",
    "PluginsInfo",
    "RegistryConfig",
    "Runtime",
    "SwarmInfo",
    "SystemInfo",
    "Version",
]


class PlatformName(Wire):
    name: str = ""


class Component(Wire):
    name: str = ""
    version: str = ""
    details: dict[str, str] | UnsetType | None = UNSET


class Version(Wire):
    platform: PlatformName = field(default_factory=PlatformName)
    components: list[Component] | UnsetType = UNSET
    version: str = ""
    api_version: str = ""
    min_api_version: str = field(default="", name="MinAPIVersion")
    git_commit: str = ""
    go_version: str = ""
    os: str = ""
    arch: str = ""
    kernel_version: str | UnsetType = UNSET
    experimental: bool | UnsetType = UNSET
    build_time: str | UnsetType = UNSET


class PluginsInfo(Wire):
    volume: list[str] | None = None
    network: list[str] | None = None
    authorization: list[str] | None = None
    log: list[str] | None = None


class IndexInfo(Wire):
    mirrors: list[str] | None = []
    name: str = ""
    official: bool = False
    secure: bool = False


class RegistryConfig(Wire):
    index_configs: dict[str, IndexInfo] | None = None
    insecure_registry_cidrs: list[str] | None = field(default=None, name="InsecureRegistryCIDRs")
    mirrors: list[str] | None = None


class Runtime(Wire, rename="camel"):
    path: str | UnsetType = UNSET
    runtime_args: list[str] | UnsetType | None = UNSET
    status: dict[str, str] | UnsetType | None = UNSET


class SwarmInfo(Wire):
    node_id: str = field(default="", name="NodeID")
    node_addr: str = ""
    local_node_state: str = "inactive"
    control_available: bool = False
    error: str = ""
    remote_managers: list[str] | None = None


class Commit(Wire):
    id: str = field(default="", name="ID")


class FirewallInfo(Wire):
    driver: str = ""
    info: list[tuple[str, str]] | UnsetType | None = UNSET


class DeviceInfo(Wire):
    """A device that can be asked for by name, and who knows it ("cdi")."""

    source: str = ""
    id: str = field(default="", name="ID")


class SystemInfo(Wire):
    id: str = field(default="", name="ID")
    containers: int = 0
    containers_running: int = 0
    containers_paused: int = 0
    containers_stopped: int = 0
    images: int = 0
    driver: str = ""
    driver_status: list[tuple[str, str]] | None = None
    system_status: list[tuple[str, str]] | UnsetType | None = UNSET
    plugins: PluginsInfo = field(default_factory=PluginsInfo)
    memory_limit: bool = False
    swap_limit: bool = False
    kernel_memory: bool | UnsetType = UNSET
    kernel_memory_tcp: bool | UnsetType = field(default=UNSET, name="KernelMemoryTCP")
    cpu_cfs_period: bool = False
    cpu_cfs_quota: bool = False
    cpu_shares: bool = field(default=False, name="CPUShares")
    cpu_set: bool = field(default=False, name="CPUSet")
    pids_limit: bool = False
    ipv4_forwarding: bool = field(default=False, name="IPv4Forwarding")
    debug: bool = False
    n_fd: int = field(default=0, name="NFd")
    oom_kill_disable: bool = False
    n_goroutines: int = 0
    """Here: asyncio tasks."""
    system_time: str = ""
    logging_driver: str = ""
    cgroup_driver: str = ""
    cgroup_version: str | UnsetType = UNSET
    n_events_listener: int = 0
    kernel_version: str = ""
    operating_system: str = ""
    os_version: str = field(default="", name="OSVersion")
    os_type: str = field(default="", name="OSType")
    architecture: str = ""
    index_server_address: str = ""
    registry_config: RegistryConfig | None = None
    n_cpu: int = field(default=0, name="NCPU")
    mem_total: int = 0
    generic_resources: list[str] | None = None
    docker_root_dir: str = ""
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    name: str = ""
    labels: list[str] | None = []
    experimental_build: bool = False
    server_version: str = ""
    runtimes: dict[str, Runtime] | None = None
    default_runtime: str = ""
    swarm: SwarmInfo = field(default_factory=SwarmInfo)
    live_restore_enabled: bool = False
    isolation: str = ""
    init_binary: str = ""
    containerd_commit: Commit = field(default_factory=Commit)
    runc_commit: Commit = field(default_factory=Commit)
    init_commit: Commit = field(default_factory=Commit)
    security_options: list[str] | None = None
    product_license: str | UnsetType = UNSET
    default_address_pools: list[dict[str, str]] | UnsetType = UNSET
    firewall_backend: FirewallInfo | UnsetType = UNSET
    discovered_devices: list[DeviceInfo] | UnsetType = UNSET
    cdi_spec_dirs: list[str] | None = field(default=None, name="CDISpecDirs")
    warnings: list[str] | None = None


class DiskUsage(Wire):
    """Bytes; ``build_cache`` is empty until there is a builder."""

    layers_size: int = 0
    images: list[ImageSummary] | None = None
    containers: list[ContainerSummary] | None = None
    volumes: list[Volume] | None = None
    build_cache: list[dict[str, str]] | None = []
