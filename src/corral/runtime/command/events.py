"""``events``: lines of JSON as runc writes them: what the container uses, and that it ran out of memory."""

from __future__ import annotations

import json
import os
import select
import time
from typing import Any, Final

from corral.errors import Conflict, Invalid
from corral.runtime.cgroups import Cgroup
from corral.runtime.cgroups.stats import BlkioEntry, CgroupStats
from corral.runtime.command import container, rdt
from corral.runtime.command.arguments import BOOL, TEXT, Flag, Options
from corral.runtime.command.context import Context
from corral.runtime.command.single import the_id

__all__ = ["FLAGS", "USAGE", "run", "seconds", "statistics"]

FLAGS: Final = (
    Flag("interval", TEXT, "between two lines, such as 5s or 500ms (5s)"),
    Flag("stats", BOOL, "one line, and that is all"),
)
USAGE: Final = "[flags] ID"

_SOON: Final = 0.2
"""Seconds after which an out-of-memory watch that is unsure is asked again."""
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def run(context: Context, options: Options) -> int:
    interval = seconds(options.text("interval", "5s"))
    found = container.find(context.root, the_id(options, f"events {USAGE}"))
    if found.status() == container.STOPPED:
        raise Conflict(f"container with id {found.id} is not running")
    cgroup: Cgroup = found.cgroup()
    if options.bool("stats"):
        _print(found.id, "stats", statistics(cgroup.stats(), rdt.statistics(found)))
        return 0
    _follow(found, cgroup, interval)
    return 0


def seconds(text: str) -> float:
    """Raises Invalid."""
    for unit in ("ms", "s", "m", "h"):
        number = text.removesuffix(unit)
        if number != text:
            try:
                value = float(number) * _UNITS[unit]
            except ValueError:
                break
            if value <= 0:
                raise Invalid("duration interval must be greater than 0")
            return value
    raise Invalid(f"invalid duration: {text}")


def _follow(found: container.Container, cgroup: Cgroup, interval: float) -> None:
    """Until it has ended."""
    pidfd = found.open_process()
    if pidfd is None:
        return
    watch = cgroup.oom_fd()
    poller = select.epoll()
    poller.register(pidfd, select.EPOLLIN)
    if watch is not None:
        poller.register(watch.fileno(), watch.events)
    due = time.monotonic() + interval
    while True:
        unsure = watch is not None and watch.unsure
        wait = max(0.0, due - time.monotonic())
        ready = [fd for fd, _ in poller.poll(min(wait, _SOON) if unsure else wait)]
        if watch is not None and (unsure or watch.fileno() in ready) and watch.read():
            _print(found.id, "oom", None)
        if pidfd in ready:
            os.close(pidfd)
            return
        if time.monotonic() >= due:
            _print(found.id, "stats", statistics(cgroup.stats(), rdt.statistics(found)))
            due += interval


def _print(id: str, kind: str, data: dict[str, Any] | None) -> None:
    print(json.dumps({"type": kind, "id": id, **({} if data is None else {"data": data})}), flush=True)


def statistics(stats: CgroupStats, rdt: dict[str, Any] | None = None) -> dict[str, Any]:
    """As runc's ``types.Stats`` has it."""
    memory, cpu, pids = stats.memory, stats.cpu, stats.pids
    entry = {"limit": memory.limit or (1 << 64) - 1, "usage": memory.usage, "max": memory.max_usage}
    return {
        "cpu": {
            "usage": {
                "total": cpu.total,
                **({"percpu": list(cpu.percpu)} if cpu.percpu else {}),
                "kernel": cpu.system,
                "user": cpu.user,
            },
            "throttling": {
                "periods": cpu.periods,
                "throttledPeriods": cpu.throttled_periods,
                "throttledTime": cpu.throttled_time,
            },
        },
        "memory": {
            "cache": memory.stat.get("cache", memory.stat.get("file", 0)),
            "usage": {**entry, "failcnt": memory.failcnt},
            "raw": memory.stat,
        },
        "pids": {"current": pids.current, **({"limit": pids.limit} if pids.limit is not None else {})},
        "blkio": {
            "ioServiceBytesRecursive": _entries(stats.io_bytes),
            "ioServicedRecursive": _entries(stats.io_operations),
        },
        "hugetlb": {},
        "intel_rdt": rdt or {},
        "network_interfaces": None,
    }


def _entries(entries: tuple[BlkioEntry, ...]) -> list[dict[str, Any]]:
    return [{"major": e.major, "minor": e.minor, "op": e.op.capitalize(), "value": e.value} for e in entries]
