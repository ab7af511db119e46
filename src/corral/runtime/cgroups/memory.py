"""The memory controller: limit, swap, reservation, swappiness, the OOM killer's switch.

``Memory.swap`` is memory and swap together, as version 1's memsw counts; version 2 wants swap alone. -1 is unlimited.
Version 1 demands limit <= memsw at every moment, so the order of the two writes depends on the direction.
"""

from __future__ import annotations

from typing import Final

from corral.errors import Invalid
from corral.oci.runtime import Memory, Resources
from corral.runtime.cgroups.write import Write

__all__ = ["WARNING", "is_asked", "v1", "v2"]

WARNING: Final = (
    "Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded."
)
SWAP_WARNING: Final = (
    "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap."
)
RESERVATION_WARNING: Final = (
    "Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded."
)
SWAPPINESS_WARNING: Final = (
    "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. "
    "Memory swappiness discarded."
)
KERNEL_WARNING: Final = (
    "Your kernel does not support kernel memory limit capabilities or the cgroup is not mounted. Limitation discarded."
)
KERNEL_TCP_WARNING: Final = (
    "Your kernel does not support kernel memory TCP limit capabilities or the cgroup is not mounted. "
    "Limitation discarded."
)
OOM_KILL_WARNING: Final = "Your kernel does not support OomKillDisable. OomKillDisable discarded."


def is_asked(resources: Resources) -> bool:
    """Whether any limit of this controller is asked for."""
    memory = resources.memory
    return memory is not None and any((memory.limit, memory.swap, memory.reservation, memory.kernel, memory.kernel_tcp))


def v1(resources: Resources, swap_now: int | None = None) -> list[Write]:
    """``swap_now``: what memory.memsw.limit_in_bytes holds, bytes; None for a new, unlimited group. Raises Invalid."""
    memory = resources.memory
    if memory is None:
        return []
    writes = []
    limit = memory.limit or None
    swap = memory.swap or None
    swap_warning = SWAP_WARNING
    if limit == -1 and swap is None:
        swap, swap_warning = -1, ""  # nobody asked
    limit_write = [] if limit is None else [Write("memory.limit_in_bytes", str(limit), WARNING)]
    swap_write = [] if swap is None else [Write("memory.memsw.limit_in_bytes", str(swap), swap_warning)]
    raised = swap_now is not None and swap is not None and (swap == -1 or swap > swap_now)
    writes += swap_write + limit_write if raised else limit_write + swap_write
    if memory.reservation:
        writes.append(Write("memory.soft_limit_in_bytes", str(memory.reservation), RESERVATION_WARNING))
    if memory.kernel:
        writes.append(Write("memory.kmem.limit_in_bytes", str(memory.kernel), KERNEL_WARNING))
    if memory.kernel_tcp:
        writes.append(Write("memory.kmem.tcp.limit_in_bytes", str(memory.kernel_tcp), KERNEL_TCP_WARNING))
    if memory.disable_oom_killer:
        writes.append(Write("memory.oom_control", "1", OOM_KILL_WARNING))
    elif memory.disable_oom_killer is not None and swap_now is not None:
        writes.append(Write("memory.oom_control", "0"))
    if (swappiness := _swappiness(memory)) is not None:
        writes.append(Write("memory.swappiness", str(swappiness), SWAPPINESS_WARNING))
    return writes


def v2(resources: Resources) -> list[Write]:
    """Raises Invalid when swap is to be less than memory, and for a swappiness out of range.

    What only version 1 has is a write to a file that is not there, which says so.
    """
    memory = resources.memory
    if memory is None:
        return []
    writes = []
    swap = _v2_swap(memory)
    if swap is not None:
        # Without swap there is none to be limited, and none to be limited to nothing.
        warning = "" if swap in ("max", "0") else SWAP_WARNING
        writes.append(Write("memory.swap.max", swap, warning))
    if memory.limit:
        writes.append(Write("memory.max", _or_max(memory.limit), WARNING))
    if memory.reservation:
        writes.append(Write("memory.low", _or_max(memory.reservation), RESERVATION_WARNING))
    if memory.kernel:
        writes.append(Write("memory.kmem.limit_in_bytes", str(memory.kernel), KERNEL_WARNING))
    if memory.kernel_tcp:
        writes.append(Write("memory.kmem.tcp.limit_in_bytes", str(memory.kernel_tcp), KERNEL_TCP_WARNING))
    if (swappiness := _swappiness(memory)) is not None:
        writes.append(Write("memory.swappiness", str(swappiness), SWAPPINESS_WARNING))
    if memory.disable_oom_killer:
        writes.append(Write("memory.oom_control", "1", OOM_KILL_WARNING))
    return writes


def _or_max(value: int) -> str:
    return "max" if value == -1 else str(value)


def _swappiness(memory: Memory) -> int | None:
    """A per cent, None to leave it alone."""
    value = memory.swappiness
    if value is None or value == -1:
        return None
    if not 0 <= value <= 100:
        raise Invalid(f"invalid memory swappiness value: {value} (valid range is 0-100)")
    return value


def _v2_swap(memory: Memory) -> str | None:
    """The text for memory.swap.max, None to leave it alone."""
    if not memory.swap:
        return "max" if memory.limit == -1 else None
    if memory.swap == -1:
        return "max"
    if memory.limit is None or memory.limit in (0, -1):
        raise Invalid("unable to set swap limit without memory limit")
    if memory.limit < 0:
        raise Invalid(f"invalid memory value: {memory.limit}")
    if memory.swap < memory.limit:
        raise Invalid("memory+swap limit should be >= memory limit")
    return str(memory.swap - memory.limit)
