"""One sample of one container: everything is read at one moment, out of control groups and procfs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from corral.engine.stats.interfaces import Interface, parse
from corral.runtime.cgroups.hierarchies import Hierarchies
from corral.runtime.cgroups.stats import CgroupStats, collect
from corral.runtime.cgroups.write import read_text

__all__ = ["Reader", "Sample", "Source", "processor_time"]

_TICK: Final = 10_000_000
"""Nanoseconds: USER_HZ is 100 wherever Linux runs containers."""

_ACCOUNTED: Final = 7
"""user, nice, system, idle, iowait, irq, softirq: the columns that Docker adds up. Guests are part of user already."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a running container's numbers are. ``cgroup``: its path; ``pid``: a process in its network namespace;
    ``interfaces``: the names of those that count, inside."""

    cgroup: str
    pid: int = 0
    interfaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """``at`` in nanoseconds since the epoch; ``system``: processor time of the whole machine, idle included."""

    at: int
    group: CgroupStats
    system: int
    online_cpus: int
    interfaces: dict[str, Interface]


class Reader:
    """``hierarchies`` is asked once. ``proc``: where procfs is."""

    def __init__(
        self,
        hierarchies: Callable[[], Hierarchies] = Hierarchies.of_host,
        *,
        proc: str = "/proc",
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._find = hierarchies
        self._proc = proc
        self._clock = clock

    @cached_property
    def _hierarchies(self) -> Hierarchies:
        return self._find()

    def read(self, source: Source) -> Sample | None:
        """None when the container is gone meanwhile. Blocks for about half a millisecond."""
        group = collect(self._hierarchies, source.cgroup)
        if not group.exists:
            path = _same_name(source.cgroup, _text(f"{self._proc}/{source.pid}/cgroup"))
            if not path:
                return None
            group = collect(self._hierarchies, path)
        system, online = processor_time(_text(f"{self._proc}/stat"))
        interfaces = {}
        if source.interfaces:
            interfaces = parse(_text(f"{self._proc}/{source.pid}/net/dev"), source.interfaces)
        return Sample(self._clock(), group, system, online, interfaces)


def processor_time(stat: str) -> tuple[int, int]:
    """Of /proc/stat: nanoseconds of all processors together since boot, and how many are online."""
    total = online = 0
    for line in stat.splitlines():
        if not line.startswith("cpu"):
            break
        name, *ticks = line.split()
        if name == "cpu":
            total = sum(map(int, ticks[:_ACCOUNTED])) * _TICK
        else:
            online += 1
    return total, online


def _same_name(path: str, cgroups: str) -> str:
    """Where a group is that was made below another parent, before the daemon was configured anew: out of what
    /proc/PID/cgroup says of its process, which may be in a group nested in it. "" when it is nowhere."""
    name = path.rpartition("/")[2]
    for line in cgroups.splitlines():
        parts = line.partition(":")[2].partition(":")[2].split("/")
        if name in parts:
            return "/".join(parts[: parts.index(name) + 1])
    return ""


def _text(path: str) -> str:
    try:
        return read_text(path)
    except OSError:
        return ""
