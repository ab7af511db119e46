"""Shapes of the API's answers, for the type checker only: nothing imports this module at run time.

Every object is a plain JSON object; a field may be absent when the daemon leaves it out. Only what this client reads is
named here; the whole contract is in ``api.types``.
"""

from __future__ import annotations

from typing import TypedDict

Json = object


class Port(TypedDict, total=False):
    IP: str
    PrivatePort: int
    PublicPort: int
    Type: str


class MountPoint(TypedDict, total=False):
    Type: str
    Name: str
    Source: str
    Destination: str
    Driver: str
    Mode: str
    RW: bool


class ContainerSummary(TypedDict, total=False):
    Id: str
    Names: list[str]
    Image: str
    ImageID: str
    Command: str
    Created: int
    Ports: list[Port]
    SizeRw: int
    SizeRootFs: int
    Labels: dict[str, str]
    State: str
    Status: str
    NetworkSettings: SummaryNetworks
    Mounts: list[MountPoint]
    ImageManifestDescriptor: dict[str, Json]


class SummaryNetworks(TypedDict, total=False):
    Networks: dict[str, dict[str, Json]]


class PortBinding(TypedDict, total=False):
    HostIp: str
    HostPort: str


class ContainerState(TypedDict, total=False):
    Status: str
    Running: bool
    Paused: bool
    Restarting: bool
    ExitCode: int
    Error: str
    Namespaces: dict[str, str]
    HostNamespaces: list[str]


class ContainerConfig(TypedDict, total=False):
    Tty: bool
    OpenStdin: bool
    AttachStdin: bool
    AttachStdout: bool
    AttachStderr: bool
    Image: str


class NetworkSettings(TypedDict, total=False):
    Ports: dict[str, list[PortBinding] | None] | None


class ContainerHostConfig(TypedDict, total=False):
    AutoRemove: bool
    NetworkMode: str


class ContainerInspect(TypedDict, total=False):
    Id: str
    Name: str
    State: ContainerState
    Config: ContainerConfig
    HostConfig: ContainerHostConfig
    NetworkSettings: NetworkSettings


class Created(TypedDict, total=False):
    Id: str
    Warnings: list[str] | None


class FileChange(TypedDict, total=False):
    Path: str
    Kind: int


class PathStat(TypedDict, total=False):
    name: str
    size: int
    mode: int
    mtime: str
    linkTarget: str


class WaitError(TypedDict, total=False):
    Message: str


class WaitResult(TypedDict, total=False):
    StatusCode: int
    Error: WaitError | None


class CgroupHierarchy(TypedDict):
    Version: int
    MountPoint: str
    Controllers: list[str]


class CgroupGroup(TypedDict):
    Version: int
    Controllers: list[str]
    Directory: str
    Processes: int
    Nested: list[str]


class CgroupContainer(TypedDict):
    Id: str
    Name: str
    State: str
    Path: str
    Groups: list[CgroupGroup]


class Cgroups(TypedDict):
    """Not in Docker's API."""

    Version: str
    Driver: str
    Parent: str
    Hierarchies: list[CgroupHierarchy]
    Containers: list[CgroupContainer]


class CpuUsage(TypedDict, total=False):
    total_usage: int
    percpu_usage: list[int] | None


class CpuNumbers(TypedDict, total=False):
    cpu_usage: CpuUsage
    system_cpu_usage: int
    online_cpus: int


class MemoryNumbers(TypedDict, total=False):
    usage: int
    limit: int
    stats: dict[str, int]
    events: dict[str, int]


class BlockEntry(TypedDict):
    op: str
    value: int


class BlockNumbers(TypedDict, total=False):
    io_service_bytes_recursive: list[BlockEntry] | None


class Stats(TypedDict, total=False):
    """A sample of what a container uses."""

    id: str
    name: str
    cpu_stats: CpuNumbers
    precpu_stats: CpuNumbers
    memory_stats: MemoryNumbers
    pids_stats: dict[str, int]
    blkio_stats: BlockNumbers
    networks: dict[str, dict[str, int]]
    pressure_stats: dict[str, dict[str, dict[str, float]]]


class Top(TypedDict, total=False):
    Titles: list[str]
    Processes: list[list[str]] | None


class ExecInspect(TypedDict, total=False):
    ID: str
    Running: bool
    ExitCode: int | None
    Pid: int


class ImageSummary(TypedDict, total=False):
    Id: str
    ParentId: str
    RepoTags: list[str] | None
    RepoDigests: list[str] | None
    Created: int
    Size: int
    SharedSize: int
    Containers: int
    Labels: dict[str, str] | None


class HistoryItem(TypedDict, total=False):
    Id: str
    Created: int
    CreatedBy: str
    Tags: list[str] | None
    Size: int
    Comment: str


class DeleteItem(TypedDict, total=False):
    Untagged: str
    Deleted: str


class ProgressDetail(TypedDict, total=False):
    current: int
    total: int
    units: str
    hidecounts: bool


class ErrorDetail(TypedDict, total=False):
    code: int
    message: str


class Progress(TypedDict, total=False):
    stream: str
    status: str
    id: str
    progress: str
    progressDetail: ProgressDetail
    error: str
    errorDetail: ErrorDetail
    aux: Json


class LoginAnswer(TypedDict, total=False):
    IdentityToken: str
    Status: str


class SearchResult(TypedDict, total=False):
    name: str
    description: str
    star_count: int
    is_official: bool
    is_automated: bool


class Network(TypedDict, total=False):
    Id: str
    Name: str
    Created: str
    Scope: str
    Driver: str
    EnableIPv4: bool
    EnableIPv6: bool
    Internal: bool
    Labels: dict[str, str] | None


class VolumeUsage(TypedDict, total=False):
    Size: int
    RefCount: int


class Volume(TypedDict, total=False):
    Name: str
    Driver: str
    Mountpoint: str
    Labels: dict[str, str] | None
    Scope: str
    Options: dict[str, str] | None
    CreatedAt: str
    UsageData: VolumeUsage | None


class VolumeList(TypedDict, total=False):
    Volumes: list[Volume] | None
    Warnings: list[str] | None


class Pruned(TypedDict, total=False):
    ContainersDeleted: list[str] | None
    ImagesDeleted: list[DeleteItem] | None
    NetworksDeleted: list[str] | None
    VolumesDeleted: list[str] | None
    SpaceReclaimed: int


class BuildCache(TypedDict, total=False):
    ID: str
    Type: str
    Description: str
    InUse: bool
    Shared: bool
    Size: int
    CreatedAt: str
    LastUsedAt: str | None
    UsageCount: int


class DiskUsage(TypedDict, total=False):
    LayersSize: int
    Images: list[ImageSummary] | None
    Containers: list[ContainerSummary] | None
    Volumes: list[Volume] | None
    BuildCache: list[BuildCache] | None


class VersionComponent(TypedDict, total=False):
    Name: str
    Version: str
    Details: dict[str, str] | None


class Platform(TypedDict, total=False):
    Name: str


class Version(TypedDict, total=False):
    Platform: Platform
    Components: list[VersionComponent] | None
    Version: str
    ApiVersion: str
    MinAPIVersion: str
    GitCommit: str
    GoVersion: str
    Os: str
    Arch: str
    KernelVersion: str
    Experimental: bool
    BuildTime: str


class EventActor(TypedDict, total=False):
    ID: str
    Attributes: dict[str, str]


class Event(TypedDict, total=False):
    status: str
    id: str
    Type: str
    Action: str
    Actor: EventActor
    scope: str
    time: int
    timeNano: int
