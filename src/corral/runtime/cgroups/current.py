"""What an update does not say but the kernel has to be told with it, taken from the limits of the moment.

Version 2 writes quota and period together, and counts swap alone while the specification counts memory and swap
together: half of a pair means that the other half stays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from corral.errors import Invalid
from corral.oci.runtime import Cpu, Memory, Resources

__all__ = ["check_usage", "complete_v2"]

Read = Callable[[str], str]
"""The text of a control file of the group, "" when it is not there."""


def complete_v2(resources: Resources, read: Read) -> Resources:
    cpu, memory = resources.cpu, resources.memory
    if cpu is not None and bool(cpu.quota) != bool(cpu.period):
        cpu = _with_other_half(cpu, read("cpu.max").split())
    if memory is not None and memory.swap and memory.swap > 0 and not memory.limit:
        limit = read("memory.max").strip()
        if limit.isdigit():
            memory = dataclasses.replace(memory, limit=int(limit))
    if memory is not None and memory.limit and memory.limit > 0 and not memory.swap:
        memory = _with_same_sum(memory, read)
    return dataclasses.replace(resources, cpu=cpu, memory=memory)


def _with_other_half(cpu: Cpu, now: list[str]) -> Cpu:
    """``now``: quota or "max", and period."""
    if len(now) != 2 or not now[1].isdigit():
        return cpu
    if cpu.period:
        return dataclasses.replace(cpu, quota=int(now[0]) if now[0].isdigit() else -1)
    return dataclasses.replace(cpu, period=int(now[1]))


def _with_same_sum(memory: Memory, read: Read) -> Memory:
    """The limit of memory and swap together stays where it was, as version 1 would have it."""
    limit, swap = read("memory.max").strip(), read("memory.swap.max").strip()
    if not (limit.isdigit() and swap.isdigit()):
        return memory
    return dataclasses.replace(memory, swap=int(limit) + int(swap))


def check_usage(memory: Memory | None, usage: str) -> None:
    """``usage``: the text of memory.current or memory.usage_in_bytes. Raises Invalid for limits that are exceeded
    already, if this was asked for: version 2 would make room by killing."""
    if memory is None or not memory.check_before_update or not usage.strip().isdigit():
        return
    used = int(usage)
    if memory.swap and 0 < memory.swap <= used:
        raise Invalid(f"rejecting memory+swap limit {memory.swap} <= usage {used}")
    if memory.limit and 0 < memory.limit <= used:
        raise Invalid(f"rejecting memory limit {memory.limit} <= usage {used}")
