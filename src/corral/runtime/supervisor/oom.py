"""The kernel's word that it killed a process of a container for want of memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from corral.runtime.cgroups import Cgroup
from corral.runtime.cgroups.oom import OomWatch
from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.loop import Loop

_SOON: Final = 0.2
"""Seconds: the kernel kills right after it has said that memory ran out, unless it kills elsewhere."""


class OomAlarm:
    def __init__(self, loop: Loop, watch: OomWatch, rang: Callable[[str], None]) -> None:
        """Takes ``watch`` over. ``rang`` is told whose limit was hit; see ``OomWatch.limit``."""
        self._loop = loop
        self._watch: OomWatch | None = watch
        self._rang = rang
        try:
            loop.add(watch.fileno(), watch.events, self._ready)
        except OSError:
            watch.close()
            raise

    @classmethod
    def of(cls, loop: Loop, cgroup: Cgroup, rang: Callable[[str], None]) -> OomAlarm | None:
        """None where the kernel has no such alarm."""
        try:
            watch = cgroup.oom_fd()
        except OSError as error:
            report("no out-of-memory alarm", error, cgroup=cgroup.path)
            return None
        return cls(loop, watch, rang) if watch is not None else None

    def rung(self) -> bool:
        """Whether it ever has, after one more look: who manages the group may remove it when its last process ends."""
        self._ready(0)
        return self._watch is not None and self._watch.killed

    def close(self) -> None:
        """After a last look, for an exit may be seen before its cause is."""
        if self._watch is None:
            return
        self._ready(0)
        self._loop.remove(self._watch.fileno())
        self._watch.close()
        self._watch = None

    def _ready(self, _events: int) -> None:
        if self._watch is None:
            return
        if self._watch.read():
            self._rang(self._watch.limit())
        elif self._watch.unsure:
            self._loop.call_later(_SOON, lambda: self._ready(0))
