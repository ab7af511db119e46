"""Every setting of the daemon as data, by dockerd's names: one table for flags, daemon.json, ``--help`` and reload."""

from __future__ import annotations

import dataclasses
import enum
from typing import Final

__all__ = ["SETTINGS", "Kind", "Setting"]


class Kind(enum.Enum):
    BOOL = "bool"
    INT = "int"
    STRING = "string"
    BYTES = "bytes"
    """A number of bytes, with k, m or g."""
    LIST = "list"
    MAP = "map"
    """key=value; an object in daemon.json."""
    FEATURES = "feature"
    """name=true or name=false; an object of booleans in daemon.json."""
    ULIMITS = "ulimit"
    """name=soft[:hard]; {name: {"Soft": n, "Hard": n}} in daemon.json."""
    MIRRORS = "mirror"
    """registry=url, several times; {registry: [url, ...]} in daemon.json."""
    RUNTIMES = "runtime"
    """name=path; {name: {"path": path, "runtimeArgs": [...]}} in daemon.json."""


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """``field``: the attribute of DaemonConfig, "" if the setting is accepted and has no effect.

    ``key``: its name in daemon.json, "" if it is a flag only.
    """

    flag: str
    kind: Kind
    help: str
    field: str = ""
    key: str = ""
    short: str = ""
    reload: bool = False


def _set(
    flag: str, kind: Kind, text: str, *, field: str = "", key: str = "", short: str = "", reload: bool = False
) -> Setting:
    return Setting(flag, kind, text, field or flag.replace("-", "_"), key or flag, short, reload)


def _ignored(flag: str, kind: Kind, key: str = "") -> Setting:
    return Setting(flag, kind, "Accepted, without effect", "", key or flag)


_B, _I, _S, _L, _M = Kind.BOOL, Kind.INT, Kind.STRING, Kind.LIST, Kind.MAP

SETTINGS: Final = (
    _set("data-root", _S, "Root directory of persistent state"),
    _set("exec-root", _S, "Root directory for execution state files"),
    _set("pidfile", _S, "Path to use for daemon PID file", short="p"),
    _set("host", _L, "Daemon socket(s) to connect to", field="hosts", key="hosts", short="H"),
    _set("group", _S, "Group for the unix socket", short="G"),
    _set("debug", _B, "Enable debug mode", short="D", reload=True),
    _set("log-level", _S, 'Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")', short="l", reload=True),
    _set("log-format", _S, 'Set the logging format ("text"|"json")'),
    _set("label", _L, "Set key=value labels to the daemon", field="labels", key="labels", reload=True),
    _set("live-restore", _B, "Leave containers running when the daemon ends", reload=True),
    _set("shutdown-timeout", _I, "Seconds for requests and containers to end at shutdown", reload=True),
    _set(
        "add-runtime",
        Kind.RUNTIMES,
        "Register an OCI compatible runtime",
        field="runtimes",
        key="runtimes",
        reload=True,
    ),
    _set("default-runtime", _S, "Default OCI runtime for containers", reload=True),
    _set("exec-opt", _L, "Runtime execution options (native.cgroupdriver)", field="exec_opts", key="exec-opts"),
    _set("cgroup-parent", _S, "Set parent cgroup for all containers"),
    _set("default-cgroupns-mode", _S, 'Default mode for containers cgroup namespace ("host" | "private")'),
    _set("default-ipc-mode", _S, 'Default mode for containers ipc ("shareable" | "private")'),
    _set("default-shm-size", Kind.BYTES, "Default shm size for containers"),
    _set("default-ulimit", Kind.ULIMITS, "Default ulimits for containers", field="ulimits", key="default-ulimits"),
    _set("init", _B, "Run an init in the container to forward signals and reap processes"),
    _set("userns-remap", _S, "User/Group setting for user namespaces"),
    _set("no-new-privileges", _B, "Set no-new-privileges by default for new containers"),
    _set("seccomp-profile", _S, 'Path to seccomp profile. Set to "unconfined" to disable the default seccomp profile'),
    _set("selinux-enabled", _B, "Enable selinux support"),
    _set("log-driver", _S, "Default driver for container logs"),
    _set("log-opt", _M, "Default log driver options for containers", field="log_opts", key="log-opts"),
    _set("storage-driver", _S, "Storage driver to use", short="s"),
    _set("storage-opt", _L, "Storage driver options", field="storage_opts", key="storage-opts"),
    _set("keep-compressed", _B, "Keep compressed layers, so that a push has nothing to compress"),
    _set("image-budget", Kind.BYTES, "Size of images beyond which the least recently used go, if nothing uses them"),
    _set("bridge", _S, 'Name of the default bridge, "none" for no default network', short="b"),
    _set("bip", _S, "IPv4 address for the default bridge"),
    _set("fixed-cidr", _S, "IPv4 subnet for the default bridge network"),
    _set("default-gateway", _S, "Default gateway IPv4 address for the default bridge network"),
    _set("mtu", _I, 'Set the MTU for the default "bridge" network'),
    _set("icc", _B, "Enable inter-container communication for the default bridge network"),
    _set("ip", _S, "Host IP for port publishing from the default bridge network"),
    _set("ip-forward", _B, "Enable IP forwarding in system configuration"),
    _set("ip-masq", _B, "Enable IP masquerading for the default bridge network"),
    _set("iptables", _B, "Enable addition of firewall rules"),
    _set("userland-proxy", _B, "Serve connections to published ports that the firewall cannot translate (IPv6)"),
    _set("cdi-spec-dir", _L, "CDI specification directories to use", field="cdi_spec_dirs", key="cdi-spec-dirs"),
    Setting("feature", Kind.FEATURES, "Enable feature in the daemon", "features", "features"),
    _set(
        "registry-mirror",
        _L,
        "Preferred registry mirror",
        field="registry_mirrors",
        key="registry-mirrors",
        reload=True,
    ),
    _set(
        "mirror", Kind.MIRRORS, "Mirror of any registry, asked before it", field="mirrors", key="mirrors", reload=True
    ),
    _set(
        "insecure-registry",
        _L,
        "Enable insecure registry communication",
        field="insecure_registries",
        key="insecure-registries",
        reload=True,
    ),
    _set("max-concurrent-downloads", _I, "Set the max concurrent downloads", reload=True),
    _set("max-concurrent-uploads", _I, "Set the max concurrent uploads", reload=True),
    _set("max-download-attempts", _I, "Set the max download attempts for each pull", reload=True),
    _set("http-proxy", _S, "HTTP proxy URL to use for outgoing traffic"),
    _set("https-proxy", _S, "HTTPS proxy URL to use for outgoing traffic"),
    _set("no-proxy", _S, "Comma-separated list of hosts or IP addresses for which the proxy is skipped"),
    _set("dns", _L, "DNS server to use"),
    _set("dns-opt", _L, "DNS options to use", field="dns_options", key="dns-opts"),
    _set("dns-search", _L, "DNS search domains to use"),
    _set("tls", _B, "Use TLS; implied by --tlsverify"),
    _set("tlsverify", _B, "Use TLS and verify the remote"),
    _set("tlscacert", _S, "Trust certs signed only by this CA"),
    _set("tlscert", _S, "Path to TLS certificate file"),
    _set("tlskey", _S, "Path to TLS key file"),
    _ignored("allow-direct-routing", _B),
    _ignored("authorization-plugin", _L, "authorization-plugins"),
    _ignored("bip6", _S),
    _ignored("containerd", _S),
    _ignored("default-address-pool", _L, "default-address-pools"),
    _ignored("default-gateway-v6", _S),
    _ignored("experimental", _B),
    _ignored("fixed-cidr-v6", _S),
    _ignored("init-path", _S),
    _ignored("ip-forward-no-drop", _B),
    _ignored("ip6tables", _B),
    _ignored("ipv6", _B),
    _ignored("metrics-addr", _S),
    _ignored("raw-logs", _B),
    _ignored("userland-proxy-path", _S),
    Setting("config-file", _S, "Daemon configuration file", "config_file"),
    Setting("validate", _B, "Validate daemon configuration and exit", "validate"),
    Setting("version", _B, "Print version information and quit", "version", short="v"),
    Setting("help", _B, "Print usage", "help", short="h"),
)
