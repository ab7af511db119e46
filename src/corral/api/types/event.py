"""Events: one JSON line each in the stream."""

from __future__ import annotations

from corral.api.types.wire import UNSET, UnsetType, Wire, field

__all__ = ["Actor", "Event"]


class Actor(Wire):
    id: str = field(default="", name="ID")
    attributes: dict[str, str] | None = None


class Event(Wire):
    """``status``, ``id`` and ``from_`` repeat action and actor for containers and images (clients before API 1.22)."""

    status: str | UnsetType = field(default=UNSET, name="status")
    id: str | UnsetType = field(default=UNSET, name="id")
    from_: str | UnsetType = field(default=UNSET, name="from")
    type: str = ""
    action: str = ""
    actor: Actor = field(default_factory=Actor)
    scope: str | UnsetType = field(default="local", name="scope")
    time: int = field(default=0, name="time")
    """Seconds since the epoch."""
    time_nano: int = field(default=0, name="timeNano")
