"""The text of ``corral info``: what the daemon said, for people. Lines about what is not there are left out."""

from __future__ import annotations

from collections.abc import Iterator

from corral.cli.units import binary_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    Json = dict[str, object]

_FIRST = (
    ("Containers", "Containers"),
    (" Running", "ContainersRunning"),
    (" Paused", "ContainersPaused"),
    (" Stopped", "ContainersStopped"),
    ("Images", "Images"),
    ("Server Version", "ServerVersion"),
    ("Storage Driver", "Driver"),
)
_KERNEL = (
    ("Kernel Version", "KernelVersion"),
    ("Operating System", "OperatingSystem"),
    ("OSType", "OSType"),
    ("Architecture", "Architecture"),
    ("CPUs", "NCPU"),
)
_COMMITS = (("containerd version", "ContainerdCommit"), ("runc version", "RuncCommit"), ("init version", "InitCommit"))


def text(info: Json, client: Json) -> str:
    lines = ["Client:", f" Version:    {client['Version']}", f" Context:    {client['Context']}"]
    lines += [f" Debug Mode: {_bool(client['Debug'])}", "", "Server:"]
    lines += [f" {line}" for line in _server(info)] if info else []
    return "\n".join(lines) + "\n" + ("\n" if info else "")


def _server(info: Json) -> Iterator[str]:
    yield from _plain(info, _FIRST)
    for pair in _list(info.get("DriverStatus")):
        name, value = (*_list(pair), "", "")[:2]
        yield f" {name}: {value}"
    yield from _plain(info, (("Logging Driver", "LoggingDriver"), ("Cgroup Driver", "CgroupDriver")))
    yield from _plain(info, (("Cgroup Version", "CgroupVersion"),))
    plugins = _dict(info.get("Plugins"))
    if plugins:
        yield "Plugins:"
        for name in ("Volume", "Network", "Authorization", "Log"):
            if plugins.get(name):
                yield f" {name}: {' '.join(map(str, _list(plugins[name])))}"
    yield from _directories(info)
    state = _dict(info.get("Swarm")).get("LocalNodeState")
    if state:
        yield f"Swarm: {state}"
    runtimes = _dict(info.get("Runtimes"))
    if runtimes:
        yield f"Runtimes: {' '.join(sorted(runtimes))}"
        yield f"Default Runtime: {info.get('DefaultRuntime', '')}"
    if info.get("InitBinary"):
        yield f"Init Binary: {info['InitBinary']}"
    commits = [(label, _dict(info.get(name)).get("ID", "")) for label, name in _COMMITS]
    if any(commit for _, commit in commits):
        yield from (f"{label}: {commit}" for label, commit in commits)
    yield from _security(info)
    yield from _plain(info, _KERNEL)
    memory = info.get("MemTotal")
    if isinstance(memory, int):
        yield f"Total Memory: {binary_size(memory)}"
    yield from _plain(info, (("Name", "Name"), ("ID", "ID"), ("Docker Root Dir", "DockerRootDir")))
    yield f"Debug Mode: {_bool(info.get('Debug'))}"
    yield from _proxies(info)
    if info.get("Labels"):
        yield "Labels:"
        yield from (f" {label}" for label in _list(info["Labels"]))
    yield f"Experimental: {_bool(info.get('ExperimentalBuild'))}"
    yield from _registries(info)
    yield f"Live Restore Enabled: {_bool(info.get('LiveRestoreEnabled'))}"


def _directories(info: Json) -> Iterator[str]:
    if info.get("CDISpecDirs"):
        yield "CDI spec directories:"
        yield from (f" {directory}" for directory in _list(info["CDISpecDirs"]))
    if info.get("DiscoveredDevices"):
        yield "Discovered Devices:"
        for device in _list(info["DiscoveredDevices"]):
            if isinstance(device, dict):
                yield f" {device.get('Source', '')}: {device.get('ID', '')}"


def _security(info: Json) -> Iterator[str]:
    """``name=seccomp,profile=builtin`` -> the name, its options below it."""
    options = _list(info.get("SecurityOptions"))
    if not options:
        return
    yield "Security Options:"
    for option in options:
        pairs = [pair.partition("=") for pair in str(option).split(",")]
        yield f" {next((value for key, _, value in pairs if key == 'name'), option)}"
        for key, _, value in pairs:
            if key != "name":
                yield f"  {key.capitalize()}: {value}"


def _proxies(info: Json) -> Iterator[str]:
    for label, name in (("HTTP Proxy", "HttpProxy"), ("HTTPS Proxy", "HttpsProxy"), ("No Proxy", "NoProxy")):
        if info.get(name):
            yield f"{label}: {info[name]}"


def _registries(info: Json) -> Iterator[str]:
    config = _dict(info.get("RegistryConfig"))
    insecure = [str(cidr) for cidr in _list(config.get("InsecureRegistryCIDRs"))]
    hosts = [name for name, index in _dict(config.get("IndexConfigs")).items() if not _dict(index).get("Secure", True)]
    if insecure or hosts:
        yield "Insecure Registries:"
        yield from (f" {name}" for name in (*hosts, *insecure))
    mirrors = _list(config.get("Mirrors"))
    if mirrors:
        yield "Registry Mirrors:"
        yield from (f" {mirror}" for mirror in mirrors)


def _plain(info: Json, names: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for label, name in names:
        if name in info:
            yield f"{label}: {info[name]}"


def _bool(value: object) -> str:
    return "true" if value else "false"


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}
