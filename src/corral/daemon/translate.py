"""The configuration in the words of the rooms that it is for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from corral import __version__
from corral.api.server.version import MAXIMUM, MINIMUM, show_version
from corral.api.types.host_config import Ulimit
from corral.daemon.config import DaemonConfig
from corral.daemon.runtimes import known_runtimes
from corral.engine.container.settings import DEFAULT_PARENTS, Settings
from corral.engine.system import SystemSettings
from corral.engine.userns.remap import resolve
from corral.errors import Invalid
from corral.image.distribution.registry import Mirror, Proxies, RegistryConfig, validate_insecure, validate_mirror
from corral.image.distribution.settings import TransferSettings
from corral.image.settings import ImageSettings
from corral.network.config import NetworkConfig
from corral.oci.reference import DEFAULT_DOMAIN

__all__ = [
    "cdi_directories",
    "container_settings",
    "image_settings",
    "network_config",
    "system_settings",
    "transfer_settings",
]

_UNLIMITED: Final = 1 << 30


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


def image_settings(config: DaemonConfig) -> ImageSettings:
    return ImageSettings(keep_compressed=config.keep_compressed, budget=config.image_budget)


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


def transfer_settings(config: DaemonConfig) -> TransferSettings:
    """A limit of 0 is none, as with dockerd."""
    mirrors = {name: tuple(Mirror(validate_mirror(url)) for url in urls) for name, urls in config.mirrors.items()}
    if config.registry_mirrors:
        hub = tuple(Mirror(validate_mirror(url)) for url in config.registry_mirrors)
        mirrors[DEFAULT_DOMAIN] = hub + mirrors.get(DEFAULT_DOMAIN, ())
    environment = Proxies.from_environment()
    proxies = Proxies(
        config.http_proxy or environment.http,
        config.https_proxy or environment.https,
        config.no_proxy or environment.no_proxy,
    )
    return TransferSettings(
        RegistryConfig(
            mirrors=mirrors,
            insecure=tuple(validate_insecure(entry) for entry in config.insecure_registries),
            proxies=proxies,
            attempts=config.max_download_attempts,
            user_agent=f"corral/{__version__}",
        ),
        downloads=config.max_concurrent_downloads or _UNLIMITED,
        uploads=config.max_concurrent_uploads or _UNLIMITED,
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
        registry_mirrors=config.registry_mirrors,
        insecure_registries=config.insecure_registries,
        proxies=(config.http_proxy, config.https_proxy, config.no_proxy),
        open_addresses=tuple(host.replace("tcp://", "http://", 1) for host in unencrypted),
    )
