"""What the daemon's configuration says about containers."""

from __future__ import annotations

from dataclasses import dataclass, field

from corral.api.types.host_config import Ulimit

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Defaults for what a request leaves open, by the names of dockerd's flags.

    ``cgroup_parent`` is relative to each hierarchy's mount point; ``log_opts`` apply to containers that use the
    default log driver without options of their own; ``runtimes`` are the names that ``--runtime`` may give, all of
    them this engine's own.
    """

    cgroup_parent: str = "/corral"
    runtimes: tuple[str, ...] = ("corral",)
    default_ipc_mode: str = "private"
    default_cgroupns_mode: str = ""
    default_shm_size: int = 64 << 20
    default_ulimits: tuple[Ulimit, ...] = ()
    init: bool = False
    log_driver: str = "json-file"
    log_opts: dict[str, str] = field(default_factory=dict)
    no_new_privileges: bool = False
    seccomp_profile: str = ""
    dns: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()

    @property
    def default_runtime(self) -> str:
        return self.runtimes[0]
