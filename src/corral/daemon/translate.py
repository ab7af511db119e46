"""The configuration in the words of the rooms that it is for."""

from __future__ import annotations

from pathlib import Path

from corral.api.server.version import MAXIMUM, MINIMUM, show_version
from corral.api.types.host_config import Ulimit
from corral.daemon.config import DaemonConfig
from corral.daemon.runtimes import known_runtimes
from corral.engine.container.settings import DEFAULT_PARENTS, Settings
from corral.engine.system import SystemSettings
from corral.engine.userns.remap import resolve
from corral.errors import Invalid
from corral.network.config import NetworkConfig

__all__ = ["cdi_directories", "container_settings", "network_config", "system_settings"]


def container_settings(config: DaemonConfig) -> Settings:
    return Settings(
        cgroup_driver=config.cgroup_driver,
        cgroup_parent=config.cgroup_parent or DEFAULT_PARENTS[config.cgroup_driver],
        runtimes=known_runtimes(config.runtimes, config.default_runtime),
        default_runtime=config.default_runtime,
        default_ipc_mode=config.default_ipc_mode,
        default_cgroupns_mode=config.default_cgroupns_mode,
        default_shm_size=config.default_shm_size,
        default_ulimits=tuple(Ulimit(name, hard, soft) for name, (soft, hard) in sorted(config.ulimits.items())),
        init=config.init,
        log_driver=config.log_driver,
        log_opts=dict(config.log_opts),
        no_new_privileges=config.no_new_privileges,
        remap=resolve(config.userns_remap),
        seccomp_profile=_profile(config.seccomp_profile),
        dns=config.dns,
        dns_options=config.dns_options,
        dns_search=config.dns_search,
    )


def cdi_directories(config: DaemonConfig) -> tuple[str, ...]:
    """Where specifications of devices are; none when that is switched off, for which Docker also takes [""]."""
    if not config.features.get("cdi", True):
        return ()
    return tuple(directory for directory in config.cdi_spec_dirs if directory)


def _profile(setting: str) -> str:
    """The text of a profile's file; "" and "unconfined" are words of their own. Raises Invalid."""
    if setting in ("", "builtin"):
        return ""
    if setting == "unconfined":
        return setting
    try:
        return Path(setting).read_text()
    except OSError as error:
        raise Invalid(f"opening seccomp profile {setting} failed: {error.strerror}") from None


def network_config(config: DaemonConfig) -> NetworkConfig:
    return NetworkConfig(
        bridge=config.bridge or NetworkConfig().bridge,
        bip=config.bip,
        fixed_cidr=config.fixed_cidr,
        default_gateway=config.default_gateway,
        mtu=config.mtu,
        icc=config.icc,
        ip=config.ip,
        ip_forward=config.ip_forward,
        ip_masq=config.ip_masq,
        iptables=config.iptables,
        userland_proxy=config.userland_proxy,
    )


def system_settings(config: DaemonConfig, security_modules: tuple[str, ...] = ()) -> SystemSettings:
    encrypted = config.tls or config.tlsverify
    unencrypted = [host for host in config.hosts if host.startswith("tcp://") and not encrypted]
    return SystemSettings(
        data_root=config.data_root,
        api_version=show_version(MAXIMUM),
        min_api_version=show_version(MINIMUM),
        cgroup_driver=config.cgroup_driver,
        debug=config.debug,
        labels=config.labels,
        live_restore=config.live_restore,
        log_driver=config.log_driver,
        runtimes=known_runtimes(config.runtimes, config.default_runtime),
        default_runtime=config.default_runtime,
        firewall="nftables" if config.iptables else "none",
        private_cgroupns=config.default_cgroupns_mode == "private",
        remapped=resolve(config.userns_remap) is not None,
        seccomp_profile=config.seccomp_profile,
        security_modules=security_modules,
        open_addresses=tuple(host.replace("tcp://", "http://", 1) for host in unencrypted),
    )
