"""What the daemon's configuration and its other parts contribute to ``info`` and ``version``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from corral.runtime.driver import RuntimeBinary

__all__ = ["SystemSettings"]


@dataclass(frozen=True, slots=True)
class SystemSettings:
    """``seccomp_profile``: "" or "builtin" for the default, "unconfined", or a path; ``remapped``: ids of
    containers are not the host's; ``open_addresses``: where the API
    can be reached without authentication over a network ("http://0.0.0.0:2375")."""

    data_root: str
    api_version: str = "1.51"
    min_api_version: str = "1.24"
    cgroup_driver: str = "cgroupfs"
    debug: bool = False
    labels: tuple[str, ...] = ()
    live_restore: bool = True
    log_driver: str = "json-file"
    log_drivers: tuple[str, ...] = ("json-file",)
    network_drivers: tuple[str, ...] = ("bridge", "host", "null")
    volume_drivers: tuple[str, ...] = ("local",)
    runtimes: Mapping[str, RuntimeBinary | None] = field(default_factory=lambda: {"corral": None})
    default_runtime: str = "corral"
    firewall: str = "nftables"
    private_cgroupns: bool = True
    remapped: bool = False
    seccomp_profile: str = ""
    security_modules: tuple[str, ...] = ()
    open_addresses: tuple[str, ...] = ()
    registry_mirrors: tuple[str, ...] = ()
    insecure_registries: tuple[str, ...] = ()
    proxies: tuple[str, str, str] = ("", "", "")
    """For http, for https, and for whom none; "" leaves it to the environment."""
