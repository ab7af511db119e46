"""What several objects share: ids, errors, health checks, prune reports."""

from __future__ import annotations

from corral.api.types.wire import UNSET, LowerWire, UnsetType, Wire, field

__all__ = ["ErrorResponse", "GraphDriverData", "HealthConfig", "IdResponse", "SpaceReclaimed"]

NO_TIME = "0001-01-01T00:00:00Z"
"""Go's zero time: how the API says "never"."""


class ErrorResponse(LowerWire):
    """The body of every error answer."""

    message: str = ""


class IdResponse(Wire):
    id: str = ""


class HealthConfig(Wire):
    """Durations in nanoseconds; 0 inherits. ``test`` is [], ["NONE"], ["CMD", ...] or ["CMD-SHELL", command]."""

    test: list[str] | UnsetType | None = UNSET
    interval: int | UnsetType = UNSET
    timeout: int | UnsetType = UNSET
    start_period: int | UnsetType = UNSET
    start_interval: int | UnsetType = UNSET
    retries: int | UnsetType = UNSET


class GraphDriverData(Wire):
    """Where a graph driver keeps a container or an image: paths by the driver's own names (LowerDir, UpperDir, ...)."""

    data: dict[str, str] | None = None
    name: str = ""


class SpaceReclaimed(Wire):
    """What a prune gave back, in bytes."""

    space_reclaimed: int = field(default=0)
