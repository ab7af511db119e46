"""The flags of run and create. Kinds that only these two use are made here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from corral.cli.flags import Flag
from corral.cli.kinds import BOOL, INT, LIST, STRING, UINT, UINT16, Kind
from corral.cli.units import parse_bytes, parse_duration


def parser(module: str, name: str) -> Callable[[str], object]:
    """A parser of ``corral.cli.opts``, imported when its flag is given: most commands give few of a hundred flags."""

    def parse(text: str) -> object:
        value: object = getattr(import_module(f"corral.cli.opts.{module}"), name)(text)
        return value

    return parse


def parse_attach(text: str) -> str:
    """One of stdin, stdout, stderr, in any case. Raises ValueError."""
    name = text.lower()
    if name not in ("stdin", "stdout", "stderr"):
        raise ValueError("valid streams are STDIN, STDOUT and STDERR")
    return name


BYTES = Kind("bytes", parse_bytes, 0)
SWAP = Kind("bytes", parser("limits", "parse_memory_swap"), 0)
DURATION = Kind("duration", parse_duration, 0)
CPUS = Kind("decimal", parser("limits", "parse_cpus"), 0)
MAP = Kind("map", str, (), repeated=True)
ENV = Kind("list", parser("env", "parse_env"), (), repeated=True)
LABEL = Kind("list", parser("env", "parse_label"), (), repeated=True)
ATTACH = Kind("list", parse_attach, (), repeated=True)
MOUNT = Kind("mount", parser("mounts", "parse_mount"), (), repeated=True)
NETWORK = Kind("network", parser("network", "parse_network"), (), repeated=True)
ULIMIT = Kind("ulimit", parser("limits", "parse_ulimit"), (), repeated=True)
GPUS = Kind("gpu-request", parser("devices", "parse_gpus"), (), repeated=True)
SYSCTL = Kind("map", parser("sysctl", "parse_sysctl"), (), repeated=True)
HOST = Kind("list", parser("network", "parse_host"), (), repeated=True)
IP_LIST = Kind("list", parser("network", "parse_ip"), (), repeated=True)
SEARCH = Kind("list", parser("network", "parse_dns_search"), (), repeated=True)
LINK = Kind("list", parser("network", "parse_link"), (), repeated=True)
RULE = Kind("list", parser("devices", "parse_cgroup_rule"), (), repeated=True)
WEIGHT_DEVICE = Kind("list", parser("limits", "parse_weight_device"), (), repeated=True)
RATE_BYTES = Kind("list", parser("limits", "parse_rate_bytes"), (), repeated=True)
RATE = Kind("list", parser("limits", "parse_rate"), (), repeated=True)

IDENTITY = (
    Flag("annotation", "", MAP, "Add an annotation to the container (passed through to the OCI runtime)"),
    Flag("cidfile", "", STRING, "Write the container ID to the file"),
    Flag("domainname", "", STRING, "Container NIS domain name"),
    Flag("entrypoint", "", STRING, "Overwrite the default ENTRYPOINT of the image"),
    Flag("env", "e", ENV, "Set environment variables"),
    Flag("env-file", "", LIST, "Read in a file of environment variables"),
    Flag("group-add", "", LIST, "Add additional groups to join"),
    Flag("hostname", "h", STRING, "Container host name"),
    Flag("init", "", BOOL, "Run an init inside the container that forwards signals and reaps processes"),
    Flag("interactive", "i", BOOL, "Keep STDIN open even if not attached"),
    Flag("label", "l", LABEL, "Set meta data on a container"),
    Flag("label-file", "", LIST, "Read in a line delimited file of labels"),
    Flag("name", "", STRING, "Assign a name to the container"),
    Flag("platform", "", STRING, "Set platform if server is multi-platform capable"),
    Flag("quiet", "q", BOOL, "Suppress the pull output"),
    Flag("restart", "", STRING, "Restart policy to apply when a container exits", default="no", shown='"no"'),
    Flag("rm", "", BOOL, "Automatically remove the container and its associated anonymous volumes when it exits"),
    Flag("stop-signal", "", STRING, "Signal to stop the container"),
    Flag("stop-timeout", "", INT, "Timeout (in seconds) to stop a container"),
    Flag("tty", "t", BOOL, "Allocate a pseudo-TTY"),
    Flag("user", "u", STRING, "Username or UID (format: <name|uid>[:<group|gid>])"),
    Flag("workdir", "w", STRING, "Working directory inside the container"),
    Flag("attach", "a", ATTACH, "Attach to STDIN, STDOUT or STDERR"),
    Flag("disable-content-trust", "", BOOL, "Skip image verification", default=True, shown="true"),
)

RESOURCES = (
    Flag("blkio-weight", "", UINT16, "Block IO (relative weight), between 10 and 1000, or 0 to disable", shown="0"),
    Flag("blkio-weight-device", "", WEIGHT_DEVICE, "Block IO weight (relative device weight)"),
    Flag("cgroup-parent", "", STRING, "Optional parent cgroup for the container"),
    Flag("cpu-period", "", INT, "Limit CPU CFS (Completely Fair Scheduler) period"),
    Flag("cpu-quota", "", INT, "Limit CPU CFS (Completely Fair Scheduler) quota"),
    Flag("cpu-rt-period", "", INT, "Limit CPU real-time period in microseconds"),
    Flag("cpu-rt-runtime", "", INT, "Limit CPU real-time runtime in microseconds"),
    Flag("cpu-shares", "c", INT, "CPU shares (relative weight)"),
    Flag("cpus", "", CPUS, "Number of CPUs"),
    Flag("cpuset-cpus", "", STRING, "CPUs in which to allow execution (0-3, 0,1)"),
    Flag("cpuset-mems", "", STRING, "MEMs in which to allow execution (0-3, 0,1)"),
    Flag("device", "", LIST, "Add a host device to the container"),
    Flag("device-cgroup-rule", "", RULE, "Add a rule to the cgroup allowed devices list"),
    Flag("device-read-bps", "", RATE_BYTES, "Limit read rate (bytes per second) from a device"),
    Flag("device-read-iops", "", RATE, "Limit read rate (IO per second) from a device"),
    Flag("device-write-bps", "", RATE_BYTES, "Limit write rate (bytes per second) to a device"),
    Flag("device-write-iops", "", RATE, "Limit write rate (IO per second) to a device"),
    Flag("gpus", "", GPUS, "GPU devices to add to the container ('all' to pass all GPUs)"),
    Flag("memory", "m", BYTES, "Memory limit"),
    Flag("memory-reservation", "", BYTES, "Memory soft limit"),
    Flag("memory-swap", "", SWAP, "Swap limit equal to memory plus swap: '-1' to enable unlimited swap"),
    Flag("memory-swappiness", "", INT, "Tune container memory swappiness (0 to 100)", default=-1, shown="-1"),
    Flag("oom-kill-disable", "", BOOL, "Disable OOM Killer"),
    Flag("oom-score-adj", "", INT, "Tune host's OOM preferences (-1000 to 1000)"),
    Flag("pids-limit", "", INT, "Tune container pids limit (set -1 for unlimited)"),
    Flag("shm-size", "", BYTES, "Size of /dev/shm"),
    Flag("ulimit", "", ULIMIT, "Ulimit options"),
    Flag("kernel-memory", "", BYTES, "Kernel memory limit", hidden=True),
    Flag("cpu-count", "", INT, "CPU count (Windows only)", hidden=True),
    Flag("cpu-percent", "", INT, "CPU percent (Windows only)", hidden=True),
    Flag("io-maxbandwidth", "", BYTES, "Maximum IO bandwidth limit for the system drive (Windows only)", hidden=True),
    Flag("io-maxiops", "", UINT, "Maximum IOps limit for the system drive (Windows only)", hidden=True),
)

ISOLATION = (
    Flag("cap-add", "", LIST, "Add Linux capabilities"),
    Flag("cap-drop", "", LIST, "Drop Linux capabilities"),
    Flag("cgroupns", "", STRING, "Cgroup namespace to use (host|private)"),
    Flag("ipc", "", STRING, "IPC mode to use"),
    Flag("isolation", "", STRING, "Container isolation technology"),
    Flag("pid", "", STRING, "PID namespace to use"),
    Flag("privileged", "", BOOL, "Give extended privileges to this container"),
    Flag("runtime", "", STRING, "Runtime to use for this container"),
    Flag("security-opt", "", LIST, "Security Options"),
    Flag("sysctl", "", SYSCTL, "Sysctl options"),
    Flag("userns", "", STRING, "User namespace to use"),
    Flag("uts", "", STRING, "UTS namespace to use"),
)

STORAGE = (
    Flag("mount", "", MOUNT, "Attach a filesystem mount to the container"),
    Flag("read-only", "", BOOL, "Mount the container's root filesystem as read only"),
    Flag("storage-opt", "", LIST, "Storage driver options for the container"),
    Flag("tmpfs", "", LIST, "Mount a tmpfs directory"),
    Flag("use-api-socket", "", BOOL, "Bind mount the API socket as /var/run/docker.sock"),
    Flag("volume", "v", LIST, "Bind mount a volume"),
    Flag("volume-driver", "", STRING, "Optional volume driver for the container"),
    Flag("volumes-from", "", LIST, "Mount volumes from the specified container(s)"),
)

NETWORKING = (
    Flag("add-host", "", HOST, "Add a custom host-to-IP mapping (host:ip)"),
    Flag("dns", "", IP_LIST, "Set custom DNS servers"),
    Flag("dns-opt", "", LIST, "Set DNS options", hidden=True),
    Flag("dns-option", "", LIST, "Set DNS options"),
    Flag("dns-search", "", SEARCH, "Set custom DNS search domains"),
    Flag("expose", "", LIST, "Expose a port or a range of ports"),
    Flag("ip", "", STRING, "IPv4 address (e.g., 172.30.100.104)"),
    Flag("ip6", "", STRING, "IPv6 address (e.g., 2001:db8::33)"),
    Flag("link", "", LINK, "Add link to another container"),
    Flag("link-local-ip", "", LIST, "Container IPv4/IPv6 link-local addresses"),
    Flag("mac-address", "", STRING, "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
    Flag("net", "", NETWORK, "Connect a container to a network", hidden=True),
    Flag("net-alias", "", LIST, "Add network-scoped alias for the container", hidden=True),
    Flag("network", "", NETWORK, "Connect a container to a network"),
    Flag("network-alias", "", LIST, "Add network-scoped alias for the container"),
    Flag("publish", "p", LIST, "Publish a container's port(s) to the host"),
    Flag("publish-all", "P", BOOL, "Publish all exposed ports to random ports"),
)

HEALTH = (
    Flag("health-cmd", "", STRING, "Command to run to check health"),
    Flag("health-interval", "", DURATION, "Time between running the check (ms|s|m|h)", shown="0s"),
    Flag("health-retries", "", INT, "Consecutive failures needed to report unhealthy"),
    Flag(
        "health-start-interval", "", DURATION,
        "Time between running the check during the start period (ms|s|m|h)", shown="0s",
    ),
    Flag(
        "health-start-period", "", DURATION,
        "Start period for the container to initialize before starting health-retries countdown (ms|s|m|h)", shown="0s",
    ),
    Flag("health-timeout", "", DURATION, "Maximum time to allow one check to run (ms|s|m|h)", shown="0s"),
    Flag("no-healthcheck", "", BOOL, "Disable any container-specified HEALTHCHECK"),
)  # fmt: skip

LOGGING = (
    Flag("log-driver", "", STRING, "Logging driver for the container"),
    Flag("log-opt", "", LIST, "Log driver options"),
)

CREATE_FLAGS = (*IDENTITY, *RESOURCES, *ISOLATION, *STORAGE, *NETWORKING, *HEALTH, *LOGGING)


def pull_flag(when: str) -> Flag:
    return Flag(
        "pull",
        "",
        STRING,
        f'Pull image before {when} ("always", "missing", "never")',
        default="missing",
        shown='"missing"',
    )
