"""Completing a create request where the user said nothing: with what the image says, then the engine's settings."""

from __future__ import annotations

from typing import Final

from corral.api.types.common import HealthConfig
from corral.api.types.container import Config
from corral.api.types.host_config import HostConfig, LogConfig, RestartPolicy
from corral.api.types.wire import UNSET, UnsetType, replace
from corral.engine.container.checks.resources import supported
from corral.engine.container.settings import Settings
from corral.engine.spec.host import HostFacts
from corral.errors import Invalid
from corral.oci.image import ContainerConfig

__all__ = ["MASKED_PATHS", "READONLY_PATHS", "command_line", "complete_config", "complete_host_config"]

MASKED_PATHS: Final = (
    "/proc/asound /proc/acpi /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list "
    "/proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap"
)

READONLY_PATHS: Final = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger"


def complete_config(config: Config, image: ContainerConfig) -> Config:
    """The user's configuration with the image's beneath it. The host name is left alone."""
    exposed = {**(image.exposed_ports or {}), **(config.exposed_ports or {})}
    volumes = {**(image.volumes or {}), **(config.volumes or {})}
    named = {entry.partition("=")[0] for entry in config.env or ()}
    env = [*(config.env or ()), *(entry for entry in image.env or () if entry.partition("=")[0] not in named)]
    cmd, entrypoint = config.cmd, config.entrypoint
    if entrypoint is None:
        if not cmd:
            cmd = image.cmd
        entrypoint = image.entrypoint
    elif entrypoint == [""]:
        entrypoint = None
    return replace(
        config,
        user=config.user or image.user,
        exposed_ports=exposed or UNSET,
        volumes=volumes or None,
        env=env or None,
        cmd=cmd,
        entrypoint=entrypoint or None,
        working_dir=config.working_dir or image.working_dir,
        labels={**(image.labels or {}), **(config.labels or {})},
        stop_signal=config.stop_signal or image.stop_signal or UNSET,
        stop_timeout=config.stop_timeout if config.stop_timeout is not UNSET else _or_unset(image.stop_timeout),
        shell=config.shell or image.shell or UNSET,
        healthcheck=_healthcheck(config, image),
        on_build=None,
    )


def _or_unset(value: int | None) -> int | UnsetType:
    return UNSET if value is None else value


def _healthcheck(config: Config, image: ContainerConfig) -> HealthConfig | UnsetType | None:
    """The image's probe, unless the user has one; the image's times where the user's probe has none."""
    given, base = config.healthcheck, image.healthcheck
    if base is None:
        return given
    merged = given or HealthConfig()
    return HealthConfig(
        test=merged.test or base.test or UNSET,
        interval=merged.interval or base.interval or UNSET,
        timeout=merged.timeout or base.timeout or UNSET,
        start_period=merged.start_period or base.start_period or UNSET,
        start_interval=merged.start_interval or base.start_interval or UNSET,
        retries=merged.retries or base.retries or UNSET,
    )


def command_line(config: Config) -> tuple[str, tuple[str, ...]]:
    """Program and arguments. Raises Invalid when there is no program."""
    words = [*(config.entrypoint or ()), *(config.cmd or ())]
    if not words:
        raise Invalid("no command specified")
    return words[0], tuple(words[1:])


def complete_host_config(given: HostConfig, settings: Settings, host: HostFacts) -> HostConfig:
    """What inspect shows: every mode explicit, every default filled in, and no limit that this host cannot have."""
    given = supported(given, host)
    swap = given.memory_swap
    if given.memory > 0 and swap == 0 and host.swap_limit:
        swap = 2 * given.memory
    log = given.log_config
    log_type = log.type or settings.log_driver
    log_opts = log.config or (dict(settings.log_opts) if log_type == settings.log_driver else {})
    policy = given.restart_policy
    masked, readonly = given.masked_paths, given.readonly_paths
    if not given.privileged:
        masked = MASKED_PATHS.split() if masked is None else masked
        readonly = READONLY_PATHS.split() if readonly is None else readonly
    return replace(
        given,
        network_mode="bridge" if given.network_mode in ("", "default") else given.network_mode,
        ipc_mode=given.ipc_mode or settings.default_ipc_mode,
        cgroupns_mode=given.cgroupns_mode or settings.default_cgroupns_mode or ("private" if host.unified else "host"),
        shm_size=given.shm_size or settings.default_shm_size,
        runtime=given.runtime or settings.default_runtime,
        restart_policy=policy if policy.name else RestartPolicy(name="no"),
        log_config=LogConfig(type=log_type, config=log_opts),
        masked_paths=masked,
        readonly_paths=readonly,
        memory_swap=swap,
        memory_swappiness=None if given.memory_swappiness == -1 else given.memory_swappiness,
        oom_kill_disable=None if host.unified else bool(given.oom_kill_disable),
        pids_limit=given.pids_limit if given.pids_limit and given.pids_limit > 0 else None,
        init=given.init if isinstance(given.init, bool) else (True if settings.init else UNSET),
        cgroup_parent=given.cgroup_parent,
        port_bindings=given.port_bindings or {},
    )
