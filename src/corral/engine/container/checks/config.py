"""The portable part of a request: working directory, environment, stop signal, health check."""

from __future__ import annotations

import posixpath
from typing import Final

from corral.api.types.common import HealthConfig
from corral.api.types.container import Config
from corral.engine.container import signals
from corral.errors import Invalid

__all__ = ["check", "warnings"]

_MILLISECOND: Final = 1_000_000


def check(config: Config) -> None:
    if config.working_dir and not posixpath.isabs(config.working_dir):
        raise Invalid(f"the working directory '{config.working_dir}' is invalid, it needs to be an absolute path")
    for entry in config.env or ():
        if not entry or entry.startswith("="):
            raise Invalid(f"invalid environment variable: {entry}")
    if config.stop_signal:
        signals.parse(config.stop_signal)
    if config.healthcheck:
        _check_health(config.healthcheck)


def warnings(config: Config) -> list[str]:
    """About what is kept and has no effect; ``config`` is the request's with what the image adds."""
    if config.healthcheck and config.healthcheck.test and config.healthcheck.test[0] != "NONE":
        return [
            "Health checks are not run by this version of corral: the health check of this container has no effect."
        ]
    return []


def _check_health(health: HealthConfig) -> None:
    times = {
        "Interval": health.interval,
        "Timeout": health.timeout,
        "StartPeriod": health.start_period,
        "StartInterval": health.start_interval,
    }
    for name, value in times.items():
        if value and isinstance(value, int) and value < _MILLISECOND:
            raise Invalid(f"{name} in Healthcheck cannot be less than one millisecond")
    if isinstance(health.retries, int) and health.retries < 0:
        raise Invalid("Retries in Healthcheck cannot be negative")
