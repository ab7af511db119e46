"""Go's types of what docker's templates see: names of fields that differ from the JSON, zero values, order.

``docker inspect -f '{{.ID}} {{if .State.Health}}...'`` works on typed values: the JSON field is ``Id``, and ``Health``
is absent for most containers. A struct's name, then ``field type, field=json type, ...``; types are ``s`` string,
``i`` integer, ``b`` boolean, ``t`` time, ``any``, ``[]T`` slice, ``{}T`` map, ``*T`` pointer, or a struct's name.
"""

from __future__ import annotations

from corral.cli.template.values import NIL_POINTER, Fields, Map, Record, Slice

_TYPES = """
container.InspectResponse
    ID=Id s, Created s, Path s, Args []s, State *container.State, Image s, ResolvConfPath s, HostnamePath s,
    HostsPath s, LogPath s, Name s, RestartCount i, Driver s, Platform s, ImageManifestDescriptor any,
    MountLabel s, ProcessLabel s, AppArmorProfile s, ExecIDs []s, HostConfig *container.HostConfig,
    GraphDriver storage.DriverData, SizeRw *i, SizeRootFs *i, Mounts []container.MountPoint,
    Config *container.Config, NetworkSettings *container.NetworkSettings
container.State
    Status s, Running b, Paused b, Restarting b, OOMKilled b, Dead b, Pid i, ExitCode i, Error s, StartedAt s,
    FinishedAt s, Health *container.Health
container.Health
    Status s, FailingStreak i, Log []*container.HealthcheckResult
container.HealthcheckResult
    Start t, End t, ExitCode i, Output s
container.HostConfig
    Binds []s, ContainerIDFile s, LogConfig container.LogConfig, NetworkMode s,
    PortBindings {}[]nat.PortBinding, RestartPolicy container.RestartPolicy, AutoRemove b, VolumeDriver s,
    VolumesFrom []s, ConsoleSize []i, Annotations {}s, CapAdd []s, CapDrop []s, CgroupnsMode s, DNS=Dns []s,
    DNSOptions=DnsOptions []s, DNSSearch=DnsSearch []s, ExtraHosts []s, GroupAdd []s, IpcMode s, Cgroup s,
    Links []s, OomScoreAdj i, PidMode s, Privileged b, PublishAllPorts b, ReadonlyRootfs b, SecurityOpt []s,
    StorageOpt {}s, Tmpfs {}s, UTSMode s, UsernsMode s, ShmSize i, Sysctls {}s, Runtime s, Isolation s,
    CPUShares=CpuShares i, Memory i, NanoCPUs=NanoCpus i, CgroupParent s, BlkioWeight i,
    BlkioWeightDevice []*blkiodev.WeightDevice, BlkioDeviceReadBps []*blkiodev.ThrottleDevice,
    BlkioDeviceWriteBps []*blkiodev.ThrottleDevice, BlkioDeviceReadIOps []*blkiodev.ThrottleDevice,
    BlkioDeviceWriteIOps []*blkiodev.ThrottleDevice, CPUPeriod=CpuPeriod i, CPUQuota=CpuQuota i,
    CPURealtimePeriod=CpuRealtimePeriod i, CPURealtimeRuntime=CpuRealtimeRuntime i, CpusetCpus s, CpusetMems s,
    Devices []container.DeviceMapping, DeviceCgroupRules []s, DeviceRequests []container.DeviceRequest,
    KernelMemory i, KernelMemoryTCP i, MemoryReservation i, MemorySwap i, MemorySwappiness *i,
    OomKillDisable *b, PidsLimit *i, Ulimits []*units.Ulimit, CPUCount=CpuCount i, CPUPercent=CpuPercent i,
    IOMaximumIOps i, IOMaximumBandwidth i, Mounts []mount.Mount, MaskedPaths []s, ReadonlyPaths []s, Init *b
container.LogConfig
    Type s, Config {}s
container.RestartPolicy
    Name s, MaximumRetryCount i
nat.PortBinding
    HostIP=HostIp s, HostPort s
blkiodev.WeightDevice
    Path s, Weight i
blkiodev.ThrottleDevice
    Path s, Rate i
container.DeviceMapping
    PathOnHost s, PathInContainer s, CgroupPermissions s
system.DeviceInfo
    Source s, ID s
corral.Cgroups
    Version s, Driver s, Parent s, Hierarchies []corral.CgroupHierarchy, Containers []corral.CgroupContainer
corral.CgroupHierarchy
    Version i, MountPoint s, Controllers []s
corral.CgroupContainer
    ID=Id s, Name s, State s, Path s, Groups []corral.CgroupGroup
corral.CgroupGroup
    Version i, Controllers []s, Directory s, Processes i, Nested []s
container.DeviceRequest
    Driver s, Count i, DeviceIDs []s, Capabilities [][]s, Options {}s
units.Ulimit
    Name s, Hard i, Soft i
mount.Mount
    Type s, Source s, Target s, ReadOnly b, Consistency s, BindOptions any, VolumeOptions any, ImageOptions any,
    TmpfsOptions any, ClusterOptions any
storage.DriverData
    Data {}s, Name s
container.MountPoint
    Type s, Name s, Source s, Destination s, Driver s, Mode s, RW b, Propagation s
container.Config
    Hostname s, Domainname s, User s, AttachStdin b, AttachStdout b, AttachStderr b,
    ExposedPorts {}container.Empty, Tty b, OpenStdin b, StdinOnce b, Env []s, Cmd []s,
    Healthcheck *container.Healthcheck, ArgsEscaped b, Image s, Volumes {}container.Empty, WorkingDir s,
    Entrypoint []s, NetworkDisabled b, MacAddress s, OnBuild []s, Labels {}s, StopSignal s, StopTimeout *i,
    Shell []s
container.Empty
container.Healthcheck
    Test []s, Interval i, Timeout i, StartPeriod i, StartInterval i, Retries i
container.NetworkSettings
    Bridge s, SandboxID s, SandboxKey s, Ports {}[]nat.PortBinding, HairpinMode b, LinkLocalIPv6Address s,
    LinkLocalIPv6PrefixLen i, SecondaryIPAddresses []network.Address, SecondaryIPv6Addresses []network.Address,
    EndpointID s, Gateway s, GlobalIPv6Address s, GlobalIPv6PrefixLen i, IPAddress s, IPPrefixLen i,
    IPv6Gateway s, MacAddress s, Networks {}*network.EndpointSettings
network.Address
    Addr s, PrefixLen i
network.EndpointSettings
    IPAMConfig *network.EndpointIPAMConfig, Links []s, Aliases []s, MacAddress s, DriverOpts {}s, GwPriority i,
    NetworkID s, EndpointID s, Gateway s, IPAddress s, IPPrefixLen i, IPv6Gateway s, GlobalIPv6Address s,
    GlobalIPv6PrefixLen i, DNSNames []s
network.EndpointIPAMConfig
    IPv4Address s, IPv6Address s, LinkLocalIPs []s
image.InspectResponse
    ID=Id s, RepoTags []s, RepoDigests []s, Parent s, Comment s, Created s, Container s, ContainerConfig any,
    DockerVersion s, Author s, Config *image.Config, Architecture s, Variant s, Os s, OsVersion s, Size i,
    VirtualSize i, GraphDriver storage.DriverData, RootFS image.RootFS, Metadata image.Metadata, Descriptor any,
    Manifests any
image.Config
    User s, ExposedPorts {}container.Empty, Env []s, Entrypoint []s, Cmd []s, Volumes {}container.Empty,
    WorkingDir s, Labels {}s, StopSignal s, ArgsEscaped b, Healthcheck *container.Healthcheck, OnBuild []s,
    Shell []s
image.RootFS
    Type s, Layers []s
image.Metadata
    LastTagTime t
network.Inspect
    Name s, ID=Id s, Created t, Scope s, Driver s, EnableIPv4 b, EnableIPv6 b, IPAM network.IPAM, Internal b,
    Attachable b, Ingress b, ConfigFrom network.ConfigReference, ConfigOnly b,
    Containers {}network.EndpointResource, Options {}s, Labels {}s, Peers any, Services any
network.IPAM
    Driver s, Options {}s, Config []network.IPAMConfig
network.IPAMConfig
    Subnet s, IPRange s, Gateway s, AuxAddress=AuxiliaryAddresses {}s
network.ConfigReference
    Network s
network.EndpointResource
    Name s, EndpointID s, MacAddress s, IPv4Address s, IPv6Address s
volume.Volume
    ClusterVolume any, CreatedAt s, Driver s, Labels {}s, Mountpoint s, Name s, Options {}s, Scope s,
    Status {}any, UsageData *volume.UsageData
volume.UsageData
    RefCount i, Size i
events.Message
    Status=status s, ID=id s, From=from s, Type s, Action s, Actor events.Actor, Scope=scope s, Time=time i,
    TimeNano=timeNano i
events.Actor
    ID s, Attributes {}s
system.versionInfo
    Client system.clientVersion, Server *types.Version
system.clientVersion
    Platform *system.platform, Version s, APIVersion=ApiVersion s, DefaultAPIVersion s, GitCommit s,
    GoVersion s, Os s, Arch s, BuildTime s, Context s
system.platform
    Name s
types.Version
    Platform system.platform, Components []types.ComponentVersion, Version s, APIVersion=ApiVersion s,
    MinAPIVersion s, GitCommit s, GoVersion s, Os s, Arch s, KernelVersion s, Experimental b, BuildTime s
types.ComponentVersion
    Name s, Version s, Details {}s
system.dockerInfo
    ID s, Containers i, ContainersRunning i, ContainersPaused i, ContainersStopped i, Images i, Driver s,
    DriverStatus [][]s, SystemStatus [][]s, Plugins system.PluginsInfo, MemoryLimit b, SwapLimit b,
    KernelMemory b, KernelMemoryTCP b, CPUCfsPeriod=CpuCfsPeriod b, CPUCfsQuota=CpuCfsQuota b, CPUShares b,
    CPUSet b, PidsLimit b, IPv4Forwarding b, BridgeNfIptables b, BridgeNfIP6tables=BridgeNfIp6tables b, Debug b,
    NFd i, OomKillDisable b, NGoroutines i, SystemTime s, LoggingDriver s, CgroupDriver s, CgroupVersion s,
    NEventsListener i, KernelVersion s, OperatingSystem s, OSVersion s, OSType s, Architecture s,
    IndexServerAddress s, RegistryConfig any, NCPU i, MemTotal i, GenericResources any, DockerRootDir s,
    HTTPProxy=HttpProxy s, HTTPSProxy=HttpsProxy s, NoProxy s, Name s, Labels []s, ExperimentalBuild b,
    ServerVersion s, Runtimes {}system.Runtime, DefaultRuntime s, Swarm any, LiveRestoreEnabled b, Isolation s,
    InitBinary s, ContainerdCommit system.Commit, RuncCommit system.Commit, InitCommit system.Commit,
    SecurityOptions []s, ProductLicense s, DefaultAddressPools any, FirewallBackend any, CDISpecDirs []s,
    DiscoveredDevices []system.DeviceInfo,
    Containerd any, Warnings []s, ServerErrors []s, ClientInfo *system.clientInfo
system.PluginsInfo
    Volume []s, Network []s, Authorization []s, Log []s
system.Runtime
    Path=path s, Args=runtimeArgs []s
system.Commit
    ID s
system.clientInfo
    Debug b, Platform *system.platform, Version s, Context s, Plugins any, Warnings []s
"""


class Time(Fields):
    """A moment: printed as Go prints it, encoded as it came."""

    __slots__ = ("text",)

    type_name = "time.Time"

    def __init__(self, text: str) -> None:
        self.text = text

    def plain(self) -> object:
        return self.text

    def printed(self) -> str:
        date, _, rest = (self.text or "0001-01-01T00:00:00Z").partition("T")
        if rest.endswith("Z"):
            return f"{date} {rest[:-1]} +0000 UTC"
        clock, zone = rest[:-6], rest[-6:].replace(":", "")
        return f"{date} {clock} {zone} {zone}"


def _table() -> dict[str, dict[str, tuple[str, str]]]:
    """``{struct: {field: (json name, type)}}``."""
    table: dict[str, dict[str, tuple[str, str]]] = {}
    found: dict[str, tuple[str, str]] = {}
    for line in _TYPES.strip().split("\n"):
        if not line.startswith(" "):
            found = table[line] = {}
            continue
        for field in filter(None, (text.strip() for text in line.split(","))):
            names, _, kind = field.partition(" ")
            go, _, plain = names.partition("=")
            found[go] = (plain or go, kind)
    return table


_STRUCTS = _table()
_ZEROS: dict[str, object] = {"s": "", "i": 0, "b": False}


def typed(value: object, kind: str) -> object:
    """``value`` (JSON) as a value of the Go type ``kind``. What does not fit stays as it is."""
    if kind in _ZEROS:
        return _ZEROS[kind] if value is None else value
    if kind == "any":
        return NIL_POINTER if value is None else value
    if kind == "t":
        return Time(value if isinstance(value, str) else "")
    if kind.startswith("[]"):
        if not isinstance(value, list):
            return Slice((), nil=True)
        return Slice(typed(item, kind[2:]) for item in value)
    if kind.startswith("{}"):
        zero = typed(None, kind[2:])
        if not isinstance(value, dict):
            return Map({}, zero, nil=True)
        return Map({key: typed(item, kind[2:]) for key, item in value.items()}, zero)
    if kind.startswith("*"):
        return NIL_POINTER if value is None else typed(value, kind[1:])
    fields = value if isinstance(value, dict) else {}
    values = {go: typed(fields.get(name), inner) for go, (name, inner) in _STRUCTS[kind].items()}
    return Record(kind, values, value)
