"""config.md: Process, POSIX process, Linux process, User."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from corral.linux import ioprio, sched
from corral.runtime.validation.shapes import (
    INT32,
    UINT32,
    UINT64,
    Problem,
    absolute,
    cpu_list,
    flag,
    items,
    number,
    record,
    rule,
    text,
    unique,
    values,
    within,
)

__all__ = ["process"]

_RLIMITS: Final = frozenset(
    f"RLIMIT_{name}"
    for name in (
        *("AS", "CORE", "CPU", "DATA", "FSIZE", "LOCKS", "MEMLOCK", "MSGQUEUE"),
        *("NICE", "NOFILE", "NPROC", "RSS", "RTPRIO", "RTTIME", "SIGPENDING", "STACK"),
    )
)

_USER: Final = record(
    "config.md#posix-platform-user",
    {"uid": number(UINT32), "gid": number(UINT32)},
    {"umask": number((0, 0o777)), "additionalGids": items(number(UINT32)), "username": text},
)


def _soft_above_hard(value: Mapping[str, object]) -> bool:
    return cast(int, value["soft"]) > cast(int, value["hard"])


_RLIMIT: Final = record(
    "config.md#posix-process",
    {"type": values(_RLIMITS), "soft": number(UINT64), "hard": number(UINT64)},
    {},
    rule("soft", _soft_above_hard, "MUST match what is enforced, which cannot be above hard"),
)


_CAPABILITIES: Final = record(
    "config.md#linux-process",
    {},
    dict.fromkeys(("bounding", "effective", "inheritable", "permitted", "ambient"), items(text)),
)
"""Any name: one that cannot be granted is a warning."""


def _scheduler_rules(value: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    policy = value["policy"]
    nice = cast(int, value.get("nice") or 0)
    if policy in ("SCHED_OTHER", "SCHED_BATCH") and not -20 <= nice <= 19:
        yield "nice", f"MUST be between -20 and 19, is {nice}"
    if value.get("priority") and policy not in ("SCHED_FIFO", "SCHED_RR"):
        yield "priority", "is used by SCHED_FIFO and SCHED_RR only"
    for name in ("runtime", "deadline", "period"):
        if value.get(name) and policy != "SCHED_DEADLINE":
            yield name, "is used by SCHED_DEADLINE only"


_SCHEDULER: Final = record(
    "config.md#linux-process",
    {"policy": values(sched.POLICIES)},
    {
        "nice": number(INT32),
        "priority": number(INT32),
        "flags": items(values(sched.FLAGS)),
        "runtime": number(UINT64),
        "deadline": number(UINT64),
        "period": number(UINT64),
    },
    _scheduler_rules,
)
_IO_PRIORITY: Final = record(
    "config.md#linux-process", {"class": values(ioprio.CLASSES), "priority": number((0, 7))}, {}
)
_AFFINITY: Final = record("config.md#linux-process", {}, {"initial": cpu_list, "final": cpu_list})
_CONSOLE_SIZE: Final = record("config.md#process", {"height": number(UINT32), "width": number(UINT32)}, {})

_COMMON: Final = record(
    "config.md#process",
    {"cwd": absolute, "args": items(text, least=1)},
    {
        "terminal": flag,
        "env": items(text),
        "user": _USER,
        "rlimits": within("config.md#posix-process", unique(_RLIMIT, "type")),
    },
)
_LINUX: Final = record(
    "config.md#linux-process",
    {},
    {
        "apparmorProfile": text,
        "capabilities": _CAPABILITIES,
        "noNewPrivileges": flag,
        "oomScoreAdj": number((-1000, 1000)),
        "scheduler": _SCHEDULER,
        "selinuxLabel": text,
        "ioPriority": _IO_PRIORITY,
        "execCPUAffinity": _AFFINITY,
    },
)


def process(value: object, where: str, clause: str) -> Iterator[Problem]:
    """``consoleSize`` MUST be ignored without a terminal."""
    yield from _COMMON(value, where, clause)
    if isinstance(value, Mapping):
        yield from _LINUX(value, where, clause)
        if value.get("terminal") is True and value.get("consoleSize") is not None:
            yield from _CONSOLE_SIZE(value["consoleSize"], f"{where}.consoleSize", clause)
