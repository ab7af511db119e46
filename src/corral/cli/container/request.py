"""From the flags of run and create to the body of POST /containers/create.

Only what was asked for is sent: the daemon's defaults are the daemon's business. Raises UsageError where docker's
command line would refuse. Parsers of rarer options are imported where they are needed: each costs a third of a
millisecond, and ``run`` is in a hurry.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from corral.cli.errors import UsageError
from corral.cli.flags import Options
from corral.cli.opts import userns
from corral.cli.opts.env import environment, labels, mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    Json = dict[str, object]


def _fail(message: str) -> UsageError:
    return UsageError(message, usage=False)


def build(options: Options, image: str, command: Sequence[str], *, attach: frozenset[str], host: str) -> Json:
    """The request. ``attach`` are the streams that the client attaches to; ``host`` is the daemon's address."""
    _check(options)
    ports, exposed = _ports(options)
    bound, anonymous, tmpfs = _mounts(options)
    mode, endpoints = _networking(options)
    interactive = options.switch("interactive")
    request: Json = {
        "Image": image,
        "Hostname": options.text("hostname"),
        "Domainname": options.text("domainname"),
        "User": options.text("user"),
        "WorkingDir": options.text("workdir"),
        "Tty": options.switch("tty"),
        "OpenStdin": interactive,
        "StdinOnce": interactive and "stdin" in attach,
        "AttachStdin": "stdin" in attach,
        "AttachStdout": "stdout" in attach,
        "AttachStderr": "stderr" in attach,
        "Env": environment(options.items("env-file"), options.items("env")),
        "Cmd": list(command),
        "Labels": labels(options.items("label-file"), options.items("label")),
        "ExposedPorts": exposed,
        "Volumes": anonymous,
        "StopSignal": options.text("stop-signal"),
        "Healthcheck": _health(options),
    }
    request = _given(request)
    if "entrypoint" in options.changed:
        request["Entrypoint"] = [options.text("entrypoint")]
    if "stop-timeout" in options.changed:
        request["StopTimeout"] = options.number("stop-timeout")
    host_config = _host_config(options)
    host_config["NetworkMode"] = mode
    host_config.update(_given({"Binds": bound, "Tmpfs": tmpfs, "PortBindings": ports}))
    if options.switch("use-api-socket"):
        _api_socket(host_config, host)
    request["HostConfig"] = host_config
    if endpoints:
        request["NetworkingConfig"] = {"EndpointsConfig": endpoints}
    return request


def _given(values: Json) -> Json:
    """Without what says nothing: None, "", 0, False, empty lists and maps."""
    return {name: value for name, value in values.items() if value}


def _check(options: Options) -> None:
    if options.text("pid") not in ("", "host") and not options.text("pid").startswith("container:"):
        raise _fail("--pid: invalid PID mode")
    if options.text("uts") not in ("", "host"):
        raise _fail("--uts: invalid UTS mode")
    if options.text("userns").partition(":")[0] not in ("", "host", "auto", "keep-id"):
        raise _fail("--userns: invalid USER mode")
    if options.text("cgroupns") not in ("", "host", "private"):
        raise _fail("--cgroupns: invalid CGROUP mode")
    if options.text("pull") not in ("always", "missing", "never"):
        shown = options.text("pull")
        raise _fail(f'invalid pull option: \'{shown}\': must be one of "always", "missing" or "never"')
    swappiness = options.number("memory-swappiness")
    if swappiness != -1 and not 0 <= swappiness <= 100:
        raise _fail(f"invalid value: {swappiness}. Valid memory swappiness range is 0-100")
    if options.switch("rm") and options.text("restart") not in ("", "no"):
        raise _fail("conflicting options: cannot specify both --restart and --rm")
    if options.text("log-driver") == "none" and options.items("log-opt"):
        raise _fail("invalid logging opts for driver none")


def _host_config(options: Options) -> Json:
    security, unconfined = _security(options)
    plain, requests = _devices(options)
    host: Json = _given(
        {
            "ContainerIDFile": options.text("cidfile"),
            "LogConfig": _given({"Type": options.text("log-driver"), "Config": mapping(options.items("log-opt"))}),
            "RestartPolicy": _restart(options),
            "AutoRemove": options.switch("rm"),
            "VolumeDriver": options.text("volume-driver"),
            "VolumesFrom": options.items("volumes-from"),
            "Annotations": mapping(options.items("annotation")),
            "CapAdd": [capability(name) for name in options.items("cap-add")],
            "CapDrop": [capability(name) for name in options.items("cap-drop")],
            "CgroupnsMode": options.text("cgroupns"),
            "Dns": options.items("dns"),
            "DnsOptions": [*options.items("dns-option"), *options.items("dns-opt")],
            "DnsSearch": options.items("dns-search"),
            "ExtraHosts": options.items("add-host"),
            "GroupAdd": options.items("group-add"),
            "IpcMode": options.text("ipc"),
            "Links": options.items("link"),
            "OomScoreAdj": options.number("oom-score-adj"),
            "PidMode": options.text("pid"),
            "Privileged": options.switch("privileged"),
            "PublishAllPorts": options.switch("publish-all"),
            "ReadonlyRootfs": options.switch("read-only"),
            "SecurityOpt": security,
            "StorageOpt": _storage(options.items("storage-opt")),
            "UTSMode": options.text("uts"),
            "UsernsMode": userns.of_caller(options.text("userns")),
            "ShmSize": options.number("shm-size"),
            "Sysctls": mapping(options.items("sysctl")),
            "Runtime": options.text("runtime"),
            "Isolation": options.text("isolation"),
            "Mounts": options.objects("mount"),
            "Devices": plain,
            "DeviceCgroupRules": options.items("device-cgroup-rule"),
            "DeviceRequests": [*options.objects("gpus"), *requests],
        }
    )
    host.update(resources(options))
    if unconfined:
        host["MaskedPaths"] = []
        host["ReadonlyPaths"] = []
    if "init" in options.changed:
        host["Init"] = options.switch("init")
    return host


def resources(options: Options) -> Json:
    """Limits, as run, create and update send them; a flag that was not given is not sent."""
    found: Json = {}
    for flag, name in _RESOURCES:
        if flag in options.changed:
            found[name] = options.value(flag)
    return found


_RESOURCES = (
    ("cpu-shares", "CpuShares"),
    ("memory", "Memory"),
    ("cpus", "NanoCpus"),
    ("cgroup-parent", "CgroupParent"),
    ("blkio-weight", "BlkioWeight"),
    ("blkio-weight-device", "BlkioWeightDevice"),
    ("device-read-bps", "BlkioDeviceReadBps"),
    ("device-write-bps", "BlkioDeviceWriteBps"),
    ("device-read-iops", "BlkioDeviceReadIOps"),
    ("device-write-iops", "BlkioDeviceWriteIOps"),
    ("cpu-period", "CpuPeriod"),
    ("cpu-quota", "CpuQuota"),
    ("cpu-rt-period", "CpuRealtimePeriod"),
    ("cpu-rt-runtime", "CpuRealtimeRuntime"),
    ("cpuset-cpus", "CpusetCpus"),
    ("cpuset-mems", "CpusetMems"),
    ("memory-reservation", "MemoryReservation"),
    ("memory-swap", "MemorySwap"),
    ("memory-swappiness", "MemorySwappiness"),
    ("oom-kill-disable", "OomKillDisable"),
    ("pids-limit", "PidsLimit"),
    ("ulimit", "Ulimits"),
)


def capability(name: str) -> str:
    """``net_admin`` -> ``CAP_NET_ADMIN``; ALL stays."""
    upper = name.strip().upper()
    return upper if upper == "ALL" or upper.startswith("CAP_") else f"CAP_{upper}"


def _storage(given: Sequence[str]) -> dict[str, str]:
    if any("=" not in option for option in given):
        raise _fail("invalid storage option")
    return mapping(given)


def _ports(options: Options) -> tuple[Json, Json]:
    """``(PortBindings, ExposedPorts)``."""
    published, exposed = options.items("publish"), options.items("expose")
    if not published and not exposed:
        return {}, {}
    from corral.cli.opts.ports import expose, publish

    bindings = publish(published)
    return {**bindings}, {**expose(exposed, bindings)}


def _mounts(options: Options) -> tuple[Sequence[str], Json, Json]:
    """``(Binds, Volumes, Tmpfs)``."""
    volumes, temporary = options.items("volume"), options.items("tmpfs")
    if not volumes and not temporary:
        return (), {}, {}
    from corral.cli.opts.mounts import binds, tmpfs

    bound, anonymous = binds(volumes)
    return bound, {**anonymous}, {**tmpfs(temporary)}


def _security(options: Options) -> tuple[Sequence[str], bool]:
    given = options.items("security-opt")
    if not given:
        return (), False
    from corral.cli.opts.security import security_options

    return security_options(given)


def _devices(options: Options) -> tuple[Sequence[Json], Sequence[Json]]:
    """``(Devices, DeviceRequests)``."""
    given = options.items("device")
    if not given:
        return (), ()
    from corral.cli.opts.devices import devices

    return devices(given)


def _restart(options: Options) -> Json:
    if "restart" not in options.changed:
        return {}
    from corral.cli.opts.restart import restart_policy

    return restart_policy(options.text("restart"))


_ENDPOINT = ("ip", "ip6", "link-local-ip", "network-alias", "net-alias", "mac-address")


def _networking(options: Options) -> tuple[str, Json]:
    """``(NetworkMode, EndpointsConfig)``."""
    given = (*options.objects("network"), *options.objects("net"))
    if not given and not options.changed.intersection(_ENDPOINT):
        return "default", {}
    from corral.cli.opts.network import Attachment, check_mac, networking

    ipam = _given(
        {
            "IPv4Address": options.text("ip"),
            "IPv6Address": options.text("ip6"),
            "LinkLocalIPs": options.items("link-local-ip"),
        }
    )
    endpoint = _given(
        {
            "IPAMConfig": ipam,
            "Aliases": [*options.items("network-alias"), *options.items("net-alias")],
            "MacAddress": check_mac(options.text("mac-address")),
        }
    )
    mode, endpoints = networking([network for network in given if isinstance(network, Attachment)], endpoint)
    return mode, {**endpoints}


_HEALTH = (
    ("health-interval", "Interval"),
    ("health-timeout", "Timeout"),
    ("health-start-period", "StartPeriod"),
    ("health-start-interval", "StartInterval"),
    ("health-retries", "Retries"),
)


def _health(options: Options) -> Json:
    command = options.text("health-cmd")
    values = _given({name: options.number(flag) for flag, name in _HEALTH})
    if options.switch("no-healthcheck"):
        if command or values:
            raise _fail("--no-healthcheck conflicts with --health-* options")
        return {"Test": ["NONE"]}
    for flag, _ in _HEALTH:
        if options.number(flag) < 0:
            raise _fail(f"--{flag} cannot be negative")
    if command:
        values["Test"] = ["CMD-SHELL", command]
    return values


def _api_socket(host: Json, address: str) -> None:
    if not address.startswith("unix://"):
        raise _fail("flag --use-api-socket can't be used when the daemon is not on a local socket")
    source = os.path.realpath(address.removeprefix("unix://"))
    mounts = host.setdefault("Mounts", [])
    assert isinstance(mounts, (list, tuple))
    host["Mounts"] = [*mounts, {"Type": "bind", "Source": source, "Target": "/var/run/docker.sock"}]
