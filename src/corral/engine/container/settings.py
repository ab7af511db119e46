"""What the daemon's configuration says about containers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from corral.api.types.host_config import Ulimit
from corral.oci.idmaps import IDMaps
from corral.runtime.cgroups.systemd.names import DEFAULT_SLICE
from corral.runtime.driver import RuntimeBinary

__all__ = ["CGROUP_DRIVERS", "DEFAULT_PARENTS", "Settings"]

DEFAULT_PARENTS: Final = {"cgroupfs": "/corral", "systemd": DEFAULT_SLICE}
CGROUP_DRIVERS: Final = tuple(DEFAULT_PARENTS)


@dataclass(frozen=True, slots=True)
class Settings:
    """Defaults for what a request leaves open, by the names of dockerd's flags.

    ``cgroup_driver``: "cgroupfs", or "systemd", where the parent is the name of a slice; otherwise ``cgroup_parent``
    is relative to each hierarchy's mount point; ``log_opts`` apply to containers that use the
    default log driver without options of their own; ``runtimes``: by the names that ``--runtime`` may give, None for
    this engine's own; ``remap``: the ids of containers that do not ask for others, None for the host's.
    """

    cgroup_driver: str = "cgroupfs"
    cgroup_parent: str = "/corral"
    runtimes: Mapping[str, RuntimeBinary | None] = field(default_factory=lambda: {"corral": None})
    default_runtime: str = "corral"
    default_ipc_mode: str = "private"
    default_cgroupns_mode: str = ""
    default_shm_size: int = 64 << 20
    default_ulimits: tuple[Ulimit, ...] = ()
    init: bool = False
    log_driver: str = "json-file"
    log_opts: dict[str, str] = field(default_factory=dict)
    no_new_privileges: bool = False
    seccomp_profile: str = ""
    remap: IDMaps | None = None
    dns: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
