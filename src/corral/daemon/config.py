"""The daemon's configuration: flags and daemon.json become one frozen, checked value before anything is touched."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from corral.daemon.flags import parse_bytes, parse_flags
from corral.daemon.listeners import parse_host
from corral.daemon.runtimes import NATIVE, known_runtimes, parse_runtimes
from corral.daemon.settings import SETTINGS, Kind, Setting
from corral.engine.cdi.registry import DEFAULT_DIRECTORIES
from corral.engine.container.settings import CGROUP_DRIVERS
from corral.errors import Invalid
from corral.image.graphdriver.choose import NAMES as STORAGE_DRIVERS
from corral.image.graphdriver.choose import check as check_storage_options
from corral.runtime.cgroups.systemd.names import is_slice
from corral.runtime.driver import RuntimeBinary

__all__ = ["DEFAULT_FILE", "DaemonConfig", "load", "reload"]

DEFAULT_FILE: Final = "/etc/corral/daemon.json"
_DRIVER: Final = "native.cgroupdriver"
_PROXIES: Final = ("http-proxy", "https-proxy", "no-proxy")


@dataclasses.dataclass(frozen=True, slots=True)
class DaemonConfig:
    """Sizes in bytes, times in seconds; an empty string leaves the choice to whoever uses it.

    ``live_restore``: containers are left running when the daemon ends. Docker's default is to stop them; here they do
    not depend on the daemon, so that stopping them is what has to be asked for.
    ``ignored``: flags and keys that were given and have no effect.
    """

    data_root: str = "/var/lib/corral"
    exec_root: str = "/run/corral"
    pidfile: str = ""
    hosts: tuple[str, ...] = ("unix:///run/corral.sock",)
    group: str = "corral"
    debug: bool = False
    log_level: str = "info"
    log_format: str = "text"
    labels: tuple[str, ...] = ()
    live_restore: bool = True
    shutdown_timeout: int = 15
    runtimes: Mapping[str, RuntimeBinary] = dataclasses.field(default_factory=dict)
    """By the names that --runtime gives; the engine's own is not among them."""
    default_runtime: str = NATIVE
    exec_opts: tuple[str, ...] = ()
    cgroup_parent: str = ""
    default_cgroupns_mode: str = "private"
    default_ipc_mode: str = "private"
    default_shm_size: int = 64 * 2**20
    ulimits: Mapping[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    """Soft and hard limit by name."""
    cdi_spec_dirs: tuple[str, ...] = DEFAULT_DIRECTORIES
    features: Mapping[str, bool] = dataclasses.field(default_factory=dict)
    """Only "cdi" means something, which is on unless it is false here."""
    init: bool = False
    no_new_privileges: bool = False
    userns_remap: str = ""
    seccomp_profile: str = ""
    selinux_enabled: bool = False
    log_driver: str = "json-file"
    log_opts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    storage_driver: str = ""
    storage_opts: tuple[str, ...] = ()
    keep_compressed: bool = True
    """Compressed layers are kept beside the unpacked ones."""
    image_budget: int = 0
    """Bytes that images may take before the least recently used go; 0 for no limit."""
    bridge: str = ""
    bip: str = ""
    fixed_cidr: str = ""
    default_gateway: str = ""
    mtu: int = 1500
    icc: bool = True
    ip: str = ""
    ip_forward: bool = True
    ip_masq: bool = True
    iptables: bool = True
    userland_proxy: bool = True
    registry_mirrors: tuple[str, ...] = ()
    """Of Docker Hub."""
    mirrors: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    """Of any registry, by its name."""
    insecure_registries: tuple[str, ...] = ()
    max_concurrent_downloads: int = 3
    max_concurrent_uploads: int = 5
    max_download_attempts: int = 5
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    dns: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    tls: bool = False
    tlsverify: bool = False
    tlscacert: str = "/etc/corral/ca.pem"
    tlscert: str = "/etc/corral/cert.pem"
    tlskey: str = "/etc/corral/key.pem"
    config_file: str = ""
    validate: bool = False
    version: bool = False
    help: bool = False
    ignored: tuple[str, ...] = ()

    @property
    def cgroup_driver(self) -> str:
        """ "cgroupfs" or "systemd", of the first option that says so."""
        return next((value for _, _, value in map(_exec_opt, self.exec_opts)), "") or CGROUP_DRIVERS[0]


_BY_KEY: Final = {setting.key: setting for setting in SETTINGS if setting.key}


def load(arguments: Sequence[str]) -> DaemonConfig:
    """Reads flags and the configuration file. Raises Invalid with one line for the user."""
    flags = parse_flags(arguments, SETTINGS)
    path = flags.get("config-file", "")
    named = bool(path)
    if not named and Path(DEFAULT_FILE).exists():
        path = DEFAULT_FILE
    if flags.get("help") or flags.get("version"):
        path = ""
    config = _merge(flags, path)
    _check(config)
    return config


def reload(config: DaemonConfig, arguments: Sequence[str]) -> tuple[DaemonConfig, list[str]]:
    """Reads everything again and takes over what may change while running. Returns the names of what did change."""
    fresh = load(arguments)
    changes = {
        setting.field: getattr(fresh, setting.field)
        for setting in SETTINGS
        if setting.reload and getattr(fresh, setting.field) != getattr(config, setting.field)
    }
    return dataclasses.replace(config, **changes), sorted(changes)


def _merge(flags: Mapping[str, Any], path: str) -> DaemonConfig:
    values: dict[str, Any] = {}
    ignored = []
    from_file: dict[str, Any] = {}
    if path:
        try:
            from_file = _read_file(path)
            _refuse_conflicts(flags, from_file)
        except Invalid as error:
            raise Invalid(f"unable to configure the corral daemon with file {path}: {error}") from None
    for setting in SETTINGS:
        for name, given in ((setting.key, from_file), (setting.flag, flags)):
            if name not in given or (given is from_file and not setting.key):
                continue
            if setting.field:
                values[setting.field] = _frozen(given[name])
            else:
                ignored.append(name)
    values["config_file"] = path
    for name in ("data_root", "exec_root", "pidfile"):
        if values.get(name):
            values[name] = os.path.abspath(values[name])
    return DaemonConfig(**values, ignored=tuple(ignored))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _read_file(path: str) -> dict[str, Any]:
    """Values by key, converted as flags would be."""
    try:
        text = Path(path).read_text()
    except OSError as error:
        raise Invalid(f"open {path}: {(error.strerror or '').lower()}") from None
    try:
        content = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise Invalid(f"invalid JSON: {error}") from None
    if not isinstance(content, dict):
        raise Invalid("invalid JSON: not an object")
    content |= _proxies(content.pop("proxies", None))
    unknown = sorted(key for key in content if key not in _BY_KEY)
    if unknown:
        raise Invalid(f"the following directives don't match any configuration option: {', '.join(unknown)}")
    return {key: _convert(_BY_KEY[key], value) for key, value in content.items() if value is not None}


def _proxies(given: Any) -> dict[str, Any]:
    """The object that daemon.json has them in, as the flags."""
    if given is None:
        return {}
    if not isinstance(given, dict) or not given.keys() <= set(_PROXIES):
        raise Invalid(f"proxies: expected an object of {', '.join(_PROXIES)}")
    return given


def _convert(setting: Setting, value: Any) -> Any:
    """Checks a value of daemon.json by its setting's kind. Raises Invalid that names the key."""
    try:
        if not setting.field:
            return value
        match setting.kind, value:
            case (Kind.BOOL, bool()) | (Kind.STRING, str()):
                return value
            case (Kind.INT | Kind.BYTES, int()) if not isinstance(value, bool):
                return value
            case Kind.BYTES, str():
                return parse_bytes(value)
            case Kind.LIST, list() if all(isinstance(item, str) for item in value):
                return value
            case Kind.MAP, dict() if all(isinstance(item, str) for item in value.values()):
                return value
            case Kind.FEATURES, dict() if all(isinstance(item, bool) for item in value.values()):
                return value
            case Kind.ULIMITS, dict():
                return {name: (int(limit["Soft"]), int(limit["Hard"])) for name, limit in value.items()}
            case Kind.MIRRORS, dict() if all(
                isinstance(urls, list) and all(isinstance(url, str) for url in urls) for urls in value.values()
            ):
                return value
            case Kind.RUNTIMES, dict():
                return parse_runtimes(value)
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(f"{setting.key}: {error}") from None
    raise Invalid(f"{setting.key}: expected {setting.kind.value}, got {json.dumps(value)}")


def _refuse_conflicts(flags: Mapping[str, Any], from_file: Mapping[str, Any]) -> None:
    conflicts = [
        f"{setting.key}: (from flag: {_shown(flags[setting.flag])}, from file: {_shown(from_file[setting.key])})"
        for setting in sorted(SETTINGS, key=lambda one: one.key)
        if setting.key and setting.flag in flags and setting.key in from_file
    ]
    if conflicts:
        raise Invalid(
            "the following directives are specified both as a flag and in the configuration file: "
            + ", ".join(conflicts)
        )


def _shown(value: Any) -> str:
    """As Go prints it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{' '.join(value)}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{item}' for name, item in value.items())}]"
    return str(value)


def _exec_opt(option: str) -> tuple[str, str, str]:
    """Key, "=" or nothing, and value."""
    key, equals, value = option.partition("=")
    return key.strip().lower(), equals, value.strip()


def _check(config: DaemonConfig) -> None:
    """Raises Invalid for the first thing that cannot be right."""
    _choose("log-level", config.log_level, ("debug", "info", "warn", "error", "fatal"))
    _choose("log-format", config.log_format, ("text", "json"))
    _choose("log-driver", config.log_driver, ("json-file", "none"))
    _choose("storage-driver", config.storage_driver, ("", *STORAGE_DRIVERS))
    if config.storage_driver:
        check_storage_options(config.storage_driver, config.storage_opts)
    _choose("default-ipc-mode", config.default_ipc_mode, ("private", "shareable"))
    _choose("default-cgroupns-mode", config.default_cgroupns_mode, ("private", "host"))
    known_runtimes(config.runtimes, config.default_runtime)
    for option in config.exec_opts:
        key, equals, _ = _exec_opt(option)
        if not equals:
            raise Invalid(f"invalid exec-opt ({option}): must be formatted 'opt=value'")
        if key != _DRIVER:
            raise Invalid(f"invalid exec-opt ({option}): unknown option: '{key}'")
    if config.cgroup_driver == "none":
        raise Invalid("native.cgroupdriver option none is internally used and cannot be specified manually")
    if config.cgroup_driver not in CGROUP_DRIVERS:
        raise Invalid(f"native.cgroupdriver option {config.cgroup_driver} not supported")
    if config.cgroup_driver == "systemd" and config.cgroup_parent and not is_slice(config.cgroup_parent):
        raise Invalid('cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"')
    for host in config.hosts:
        parse_host(host, tls=config.tls or config.tlsverify)
    for label in config.labels:
        if "=" not in label or label.startswith("="):
            raise Invalid(f"bad attribute format: {label}")
    keys = [label.partition("=")[0] for label in config.labels]
    for key in keys:
        if keys.count(key) > 1:
            raise Invalid(f"conflict labels for {key}")
    _network("bip", config.bip, ipaddress.IPv4Interface)
    _network("fixed-cidr", config.fixed_cidr, ipaddress.IPv4Network)
    _network("default-gateway", config.default_gateway, ipaddress.IPv4Address)
    _network("ip", config.ip, ipaddress.ip_address)
    for server in config.dns:
        _network("dns", server, ipaddress.ip_address)
    _check_registries(config)
    if config.bip and config.bridge:
        raise Invalid("you specified -b & --bip, mutually exclusive options. Please specify only one")
    if config.mtu and not 68 <= config.mtu <= 65535:
        raise Invalid(f"invalid mtu: {config.mtu}")
    if config.shutdown_timeout < -1:
        raise Invalid(f"invalid shutdown-timeout: {config.shutdown_timeout}")
    if config.default_shm_size <= 0:
        raise Invalid(f"default shm size must be greater than 0: {config.default_shm_size}")
    if config.image_budget < 0:
        raise Invalid(f"invalid image-budget: {config.image_budget}")
    if config.data_root == config.exec_root:
        raise Invalid(f"data-root and exec-root must be different directories: {config.data_root}")
    if config.seccomp_profile not in ("", "builtin", "unconfined") and not Path(config.seccomp_profile).is_file():
        raise Invalid(f"seccomp-profile: no such file: {config.seccomp_profile}")


def _check_registries(config: DaemonConfig) -> None:
    for name in ("max_concurrent_downloads", "max_concurrent_uploads", "max_download_attempts"):
        number = getattr(config, name)
        if number < 0 or (number == 0 and name == "max_download_attempts"):
            raise Invalid(f"invalid {name.replace('_', ' ')}: {number}")
    if not (config.registry_mirrors or config.mirrors or config.insecure_registries):
        return
    from corral.image.distribution.registry import validate_insecure, validate_mirror

    for url in config.registry_mirrors:
        validate_mirror(url)
    for urls in config.mirrors.values():
        for url in urls:
            validate_mirror(url)
    for entry in config.insecure_registries:
        validate_insecure(entry)


def _choose(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise Invalid(f"invalid {name}: {value!r} is none of {', '.join(filter(None, choices))}")


def _network(name: str, value: str, parse: Any) -> None:
    if value:
        try:
            parse(value)
        except ValueError as error:
            raise Invalid(f"invalid {name}: {error}") from None
