"""Asking systemd's manager for transient units (org.freedesktop.systemd1(5)), over a bus that is connected.

Properties that limit something are dropped when this systemd does not know them, or not such values: what counts is
in the control files. Older ones know fewer (CPUQuotaPeriodUSec since 242, AllowedCPUs since 244, CPUWeight of 0 since
252), newer ones have lost those of version 1.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from corral.errors import Conflict, CorralError, Internal, NotFound
from corral.runtime.cgroups.systemd.bus import Bus
from corral.runtime.cgroups.systemd.words import Property

__all__ = ["change", "start", "stop"]

_SYSTEMD: Final = "org.freedesktop.systemd1"
_PATH: Final = "/org/freedesktop/systemd1"
_MANAGER: Final = "org.freedesktop.systemd1.Manager"
_TOGETHER: Final = ("DevicePolicy", "DeviceAllow")

T = TypeVar("T")


def start(bus: Bus, unit: str, properties: Sequence[Property], limits: Sequence[Property]) -> None:
    """Make a transient unit and wait until it is there. Raises Internal, Unavailable, Conflict."""
    _subscribe(bus)

    def ask(limits: Sequence[Property]) -> object:
        call = "StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "replace", [*properties, *limits], ()
        try:
            return bus.call(_SYSTEMD, _PATH, _MANAGER, *call)[0]
        except Conflict:
            # One that failed stays loaded until somebody has taken note.
            bus.call(_SYSTEMD, _PATH, _MANAGER, "ResetFailedUnit", "s", unit)
            return bus.call(_SYSTEMD, _PATH, _MANAGER, *call)[0]

    _wait_for(bus, _as_known(limits, ask), unit)


def change(bus: Bus, unit: str, limits: Sequence[Property]) -> None:
    """Until the next boot. Returns when systemd has written what it writes. Raises Internal, NotFound, Unavailable."""

    def ask(limits: Sequence[Property]) -> None:
        bus.call(_SYSTEMD, _PATH, _MANAGER, "SetUnitProperties", "sba(sv)", unit, True, limits)

    _as_known(limits, ask)
    # It answers first and writes to the control files after that, but before it hears the next question.
    bus.call(_SYSTEMD, _PATH, _MANAGER, "GetUnit", "s", unit)


def stop(bus: Bus, unit: str) -> None:
    """End a unit and have it forgotten; one that is not there is fine. Raises Internal, Unavailable."""
    _subscribe(bus)
    try:
        answer = bus.call(_SYSTEMD, _PATH, _MANAGER, "StopUnit", "ss", unit, "replace")
    except NotFound:
        return
    _wait_for(bus, answer[0], unit)
    with contextlib.suppress(CorralError):  # mostly it is unloaded already
        bus.call(_SYSTEMD, _PATH, _MANAGER, "ResetFailedUnit", "s", unit)


def _subscribe(bus: Bus) -> None:
    bus.listen(_MANAGER, "JobRemoved")
    bus.call(_SYSTEMD, _PATH, _MANAGER, "Subscribe")


def _wait_for(bus: Bus, job: object, unit: str) -> None:
    """Raises Internal when the job does not end well."""
    while True:
        removed = bus.next_signal("JobRemoved")
        if removed.body[1] == job:
            break
    if removed.body[3] not in ("done", "skipped"):
        raise Internal(f"systemd job for {unit} ended with {removed.body[3]}")


def _as_known(limits: Sequence[Property], ask: Callable[[Sequence[Property]], T]) -> T:
    """Asks with fewer and fewer of ``limits``, as long as the refusal names one."""
    while True:
        try:
            return ask(limits)
        except Internal as error:
            named = {name for name, _ in limits if re.search(rf"\b{name}\b", error.message)}
            if not named:
                raise
            if named & set(_TOGETHER):  # a policy without its list would be another policy
                named.update(_TOGETHER)
            kept = [limit for limit in limits if limit[0] not in named]
            limits = kept
