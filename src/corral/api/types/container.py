"""Containers: what create takes, what inspect and list give, and the smaller requests and answers about one of them."""

from __future__ import annotations

from corral.api.types.common import NO_TIME, GraphDriverData, HealthConfig
from corral.api.types.endpoint import EndpointSettings, NetworkingConfig, NetworkSettings
from corral.api.types.host_config import HostConfig, Resources, RestartPolicy
from corral.api.types.mount import MountPoint
from corral.api.types.wire import UNSET, CommandLine, GoSet, LowerWire, UnsetType, Wire, field

__all__ = [
    "AttachOptions",
    "Config",
    "ContainerCreateRequest",
    "ContainerCreateResponse",
    "ContainerInspect",
    "ContainerState",
    "ContainerSummary",
    "ContainersPruneReport",
    "Health",
    "HealthLog",
    "LogsOptions",
    "Port",
    "SummaryHostConfig",
    "SummaryNetworkSettings",
    "TopResponse",
    "UpdateRequest",
    "UpdateResponse",
    "WaitError",
    "WaitResponse",
]


class Config(Wire):
    """What is portable about a container: mostly what its image says unless the user said otherwise."""

    hostname: str = ""
    domainname: str = ""
    user: str = ""
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    exposed_ports: GoSet | UnsetType | None = UNSET
    """By "80/tcp"."""
    tty: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    env: list[str] | None = None
    cmd: CommandLine = None
    healthcheck: HealthConfig | UnsetType | None = UNSET
    args_escaped: bool | UnsetType = UNSET
    image: str = ""
    volumes: GoSet | None = None
    working_dir: str = ""
    entrypoint: CommandLine = None
    """None inherits the image's; [""] resets it."""
    network_disabled: bool | UnsetType = UNSET
    mac_address: str | UnsetType = UNSET
    """Before API 1.44; later `EndpointSettings.mac_address`."""
    on_build: list[str] | None = None
    labels: dict[str, str] | None = None
    stop_signal: str | UnsetType = UNSET
    stop_timeout: int | UnsetType | None = UNSET
    """Seconds; -1 waits forever."""
    shell: CommandLine | UnsetType = UNSET


class ContainerCreateRequest(Config):
    host_config: HostConfig = field(default_factory=HostConfig)
    networking_config: NetworkingConfig = field(default_factory=NetworkingConfig)


class ContainerCreateResponse(Wire):
    id: str = ""
    warnings: list[str] = []


class HealthLog(Wire):
    """One probe's result."""

    start: str = ""
    end: str = ""
    exit_code: int = 0
    output: str = ""


class Health(Wire):
    """``status`` is none, starting, healthy or unhealthy."""

    status: str = ""
    failing_streak: int = 0
    log: list[HealthLog] | None = None


class ContainerState(Wire):
    """``status`` is created, running, paused, restarting, removing, exited or dead."""

    status: str = ""
    running: bool = False
    paused: bool = False
    restarting: bool = False
    oom_killed: bool = field(default=False, name="OOMKilled")
    oom_limit: str | UnsetType = field(default=UNSET, name="OOMLimit")
    """Beyond Docker: whose limit was hit, "container", "host" or the path of another cgroup; unset when none was."""
    dead: bool = False
    namespaces: dict[str, str] | UnsetType = UNSET
    """Beyond Docker: of its first process, by kind, as /proc/PID/ns shows them."""
    host_namespaces: list[str] | UnsetType = UNSET
    """Beyond Docker: kinds of those that it shares with the host."""
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    started_at: str = NO_TIME
    finished_at: str = NO_TIME
    health: Health | UnsetType | None = UNSET


class ContainerInspect(Wire):
    id: str = ""
    created: str = ""
    path: str = ""
    args: list[str] = []
    state: ContainerState = field(default_factory=ContainerState)
    image: str = ""
    """The image's id."""
    resolv_conf_path: str = ""
    hostname_path: str = ""
    hosts_path: str = ""
    log_path: str = ""
    name: str = ""
    """With a leading slash."""
    restart_count: int = 0
    driver: str = ""
    platform: str = ""
    mount_label: str = ""
    process_label: str = ""
    app_armor_profile: str = ""
    exec_ids: list[str] | None = field(default=None, name="ExecIDs")
    host_config: HostConfig = field(default_factory=HostConfig)
    graph_driver: GraphDriverData = field(default_factory=GraphDriverData)
    size_rw: int | UnsetType = UNSET
    size_root_fs: int | UnsetType = UNSET
    mounts: list[MountPoint] = []
    config: Config = field(default_factory=Config)
    network_settings: NetworkSettings = field(default_factory=NetworkSettings)


class Port(Wire):
    ip: str | UnsetType = field(default=UNSET, name="IP")
    private_port: int = 0
    public_port: int | UnsetType = UNSET
    type: str = ""


class SummaryHostConfig(Wire):
    network_mode: str | UnsetType = UNSET
    annotations: dict[str, str] | UnsetType | None = UNSET


class SummaryNetworkSettings(Wire):
    networks: dict[str, EndpointSettings] | None = None


class ContainerSummary(Wire):
    """One line of the list. ``created`` in seconds since the epoch; ``status`` is the phrase of ``docker ps``."""

    id: str = ""
    names: list[str] = []
    """With leading slashes."""
    image: str = ""
    image_id: str = field(default="", name="ImageID")
    command: str = ""
    created: int = 0
    ports: list[Port] = []
    size_rw: int | UnsetType = UNSET
    size_root_fs: int | UnsetType = UNSET
    labels: dict[str, str] | None = None
    state: str = ""
    status: str = ""
    host_config: SummaryHostConfig = field(default_factory=SummaryHostConfig)
    network_settings: SummaryNetworkSettings = field(default_factory=SummaryNetworkSettings)
    mounts: list[MountPoint] = []


class WaitError(Wire):
    message: str = ""


class WaitResponse(Wire):
    status_code: int = 0
    error: WaitError | UnsetType | None = UNSET


class TopResponse(Wire):
    processes: list[list[str]] | None = None
    titles: list[str] | None = None


class UpdateRequest(Resources):
    restart_policy: RestartPolicy = field(default_factory=RestartPolicy)


class UpdateResponse(Wire):
    warnings: list[str] | None = None


class ContainersPruneReport(Wire):
    containers_deleted: list[str] | None = None
    space_reclaimed: int = 0


class LogsOptions(LowerWire):
    """The query of ``logs``. ``since``, ``until``: nanoseconds since the epoch, 0 for open; ``tail``: None for all."""

    stdout: bool = False
    stderr: bool = False
    follow: bool = False
    timestamps: bool = False
    details: bool = False
    since: int = 0
    until: int = 0
    tail: int | None = None


class AttachOptions(LowerWire):
    """The query of ``attach``. ``detach_keys`` as the user writes it ("ctrl-p,ctrl-q"); None asks for the default."""

    stream: bool = False
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    logs: bool = False
    detach_keys: str | None = None
