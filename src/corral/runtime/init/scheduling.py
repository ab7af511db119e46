"""What the kernel gives a process when others want the same: processors, block devices, memory of which node; and as
what it shows itself.

In the order that the caller needs: what raises a priority takes capabilities that the process will not have.
"""

from __future__ import annotations

import os
from typing import Final

from corral.linux import ioprio, mempolicy, personality, sched
from corral.oci.runtime import IOPriority, MemoryPolicy, Personality, Scheduler
from corral.runtime.init.failure import SetupError, described

__all__ = ["numbers", "set_affinity", "set_io_priority", "set_memory_policy", "set_personality", "set_scheduler"]

_MOST: Final = 1 << 16
"""More processors or nodes than any kernel knows."""


def set_scheduler(scheduler: Scheduler) -> None:
    """Raises SetupError."""
    policy = sched.POLICIES.get(scheduler.policy)
    if policy is None:
        raise SetupError(f"invalid scheduler policy: {scheduler.policy}")
    try:
        sched.sched_setattr(
            0,
            policy,
            flags=_flags(scheduler.flags, sched.FLAGS, "scheduler flag"),
            nice=scheduler.nice,
            priority=scheduler.priority,
            runtime=scheduler.runtime,
            deadline=scheduler.deadline,
            period=scheduler.period,
        )
    except OSError as error:
        raise described(f"error setting scheduler {scheduler.policy}", error) from error


def set_io_priority(priority: IOPriority) -> None:
    """Raises SetupError."""
    ioclass = ioprio.CLASSES.get(priority.cls)
    if ioclass is None:
        raise SetupError(f"invalid io priority class: {priority.cls}")
    if not 0 <= priority.priority <= 7:
        raise SetupError(f"invalid ioPriority.Priority: {priority.priority}")
    try:
        ioprio.ioprio_set(ioprio.IOPRIO_WHO_PROCESS, 0, ioclass, priority.priority)
    except OSError as error:
        raise described(f"failed to set io priority {priority.cls} {priority.priority}", error) from error


def set_memory_policy(policy: MemoryPolicy) -> None:
    """Once the process is in its cgroup: the nodes must be among those of its cpuset. Raises SetupError."""
    mode = mempolicy.MODES.get(policy.mode)
    if mode is None:
        raise SetupError(f"invalid memory policy mode: {policy.mode}")
    flags = _flags(policy.flags, mempolicy.FLAGS, "memory policy flag")
    try:
        mempolicy.set_mempolicy(mode | flags, numbers(policy.nodes))
    except OSError as error:
        raise described(f"error setting memory policy {policy.mode} {policy.nodes}".rstrip(), error) from error


def set_personality(wanted: Personality) -> None:
    """Raises SetupError."""
    domain = personality.DOMAINS.get(wanted.domain)
    if domain is None:
        raise SetupError(f"unsupported personality domain {wanted.domain!r}")
    if wanted.flags:
        raise SetupError(f"unsupported personality flags {', '.join(wanted.flags)}")
    try:
        personality.personality(domain)
    except OSError as error:
        raise described(f"error setting personality {wanted.domain}", error) from error


def set_affinity(cpus: str) -> None:
    """Raises SetupError."""
    try:
        os.sched_setaffinity(0, numbers(cpus))
    except OSError as error:
        raise described(f"error setting CPU affinity {cpus}", error) from error


def numbers(text: str) -> frozenset[int]:
    """A list as cpuset(7) writes it, "0-3,7". Raises SetupError."""
    found: set[int] = set()
    for part in text.split(","):
        part = part.strip()
        if not part:
            continue
        first, dash, last = part.partition("-")
        if not dash:
            last = first
        if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last) < _MOST):
            raise SetupError(f"invalid list {text!r}")
        found.update(range(int(first), int(last) + 1))
    return frozenset(found)


def _flags(names: tuple[str, ...], known: dict[str, int], what: str) -> int:
    flags = 0
    for name in names:
        if name not in known:
            raise SetupError(f"invalid {what}: {name}")
        flags |= known[name]
    return flags
