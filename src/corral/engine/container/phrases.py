"""How long ago, as ``docker ps`` says it, and a container's status in words."""

from __future__ import annotations

from typing import Final

from corral.engine.container.record import ContainerRecord, Status

__all__ = ["human_duration", "status_phrase"]

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_YEAR: Final = 365 * _DAY


def human_duration(seconds: int) -> str:
    steps: tuple[tuple[int, str], ...] = (
        (1, "Less than a second"),
        (2, "1 second"),
        (_MINUTE, f"{seconds} seconds"),
        (2 * _MINUTE, "About a minute"),
        (_HOUR, f"{seconds // _MINUTE} minutes"),
        (_HOUR + _HOUR // 2, "About an hour"),
        (2 * _DAY, f"{(seconds + _HOUR // 2) // _HOUR} hours"),
        (14 * _DAY, f"{seconds // _DAY} days"),
        (60 * _DAY, f"{seconds // (7 * _DAY)} weeks"),
        (2 * _YEAR, f"{seconds // (30 * _DAY)} months"),
    )
    return next((text for limit, text in steps if seconds < limit), f"{seconds // _YEAR} years")


def status_phrase(record: ContainerRecord, now: int) -> str:
    """``now`` in nanoseconds."""
    state = record.state

    def since(time: int) -> str:
        return human_duration(max(0, now - time) // 1_000_000_000)

    match state.status:
        case Status.RUNNING:
            return f"Up {since(state.started_at)}"
        case Status.PAUSED:
            return f"Up {since(state.started_at)} (Paused)"
        case Status.RESTARTING:
            return f"Restarting ({state.exit_code}) {since(state.finished_at)} ago"
        case Status.EXITED:
            return f"Exited ({state.exit_code}) {since(state.finished_at)} ago"
        case Status.REMOVING:
            return "Removal In Progress"
        case Status.DEAD:
            return "Dead"
        case Status.CREATED:
            return "Created"
