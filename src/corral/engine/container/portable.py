"""A container's configuration as an image's: what of it another container may start with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from corral.api.types.common import HealthConfig
from corral.api.types.container import Config
from corral.api.types.wire import UNSET, UnsetType
from corral.oci.image import ContainerConfig, Healthcheck

__all__ = ["merged", "portable"]

T = TypeVar("T")


def portable(config: Config) -> ContainerConfig:
    """Without what belongs to one container only: its name on the network, its terminal, its streams."""
    health = _set(config.healthcheck)
    return ContainerConfig(
        user=config.user,
        exposed_ports=_set(config.exposed_ports) or None,
        env=config.env,
        entrypoint=config.entrypoint,
        cmd=config.cmd,
        volumes=config.volumes,
        working_dir=config.working_dir,
        labels=config.labels or None,
        stop_signal=_set(config.stop_signal) or "",
        stop_timeout=_set(config.stop_timeout),
        on_build=config.on_build,
        shell=_set(config.shell),
        healthcheck=None if health is None else _probe(health),
        args_escaped=_set(config.args_escaped) or False,
    )


def merged(given: ContainerConfig, base: ContainerConfig) -> ContainerConfig:
    """``given``, and beneath it the container's own, as Docker joins them."""
    entrypoint, cmd = given.entrypoint, given.cmd
    if not entrypoint:
        cmd = cmd or base.cmd
        entrypoint = base.entrypoint if entrypoint is None else entrypoint
    return ContainerConfig(
        user=given.user or base.user,
        exposed_ports={**(base.exposed_ports or {}), **(given.exposed_ports or {})} or None,
        env=_environment(given.env or (), base.env or ()) or None,
        entrypoint=entrypoint,
        cmd=cmd,
        volumes={**(base.volumes or {}), **(given.volumes or {})} or None,
        working_dir=given.working_dir or base.working_dir,
        labels={**(base.labels or {}), **(given.labels or {})} or None,
        stop_signal=given.stop_signal or base.stop_signal,
        stop_timeout=given.stop_timeout,
        on_build=given.on_build,
        shell=given.shell,
        healthcheck=_joined(given.healthcheck, base.healthcheck),
        args_escaped=given.args_escaped,
    )


def _environment(given: Iterable[str], base: Iterable[str]) -> list[str]:
    named = {entry.partition("=")[0] for entry in given}
    return [*given, *(entry for entry in base if entry.partition("=")[0] not in named)]


def _joined(given: Healthcheck | None, base: Healthcheck | None) -> Healthcheck | None:
    if given is None or base is None:
        return given or base
    return Healthcheck(
        test=given.test or base.test,
        interval=given.interval or base.interval,
        timeout=given.timeout or base.timeout,
        start_period=given.start_period or base.start_period,
        start_interval=given.start_interval or base.start_interval,
        retries=given.retries or base.retries,
    )


def _probe(health: HealthConfig) -> Healthcheck:
    return Healthcheck(
        test=_set(health.test),
        interval=_set(health.interval) or 0,
        timeout=_set(health.timeout) or 0,
        start_period=_set(health.start_period) or 0,
        start_interval=_set(health.start_interval) or 0,
        retries=_set(health.retries) or 0,
    )


def _set(value: T | UnsetType | None) -> T | None:
    return None if value is UNSET else value
