"""The cpu controller: shares or weight, quota and period, burst, idle, real time.

Times are microseconds. Shares are version 1's (2-262144, default 1024); version 2's weights are 1-10000, default 100.
"""

from __future__ import annotations

import math
from typing import Final

from corral.oci.runtime import Cpu, Resources
from corral.runtime.cgroups.write import Write

__all__ = ["WARNING", "is_asked", "v1", "v2", "weight_of_shares"]

WARNING: Final = "Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded."
QUOTA_WARNING: Final = (
    "Your kernel does not support CPU CFS quota/period or the cgroup is not mounted. CPU period/quota discarded."
)
BURST_WARNING: Final = "Your kernel does not support CPU burst or the cgroup is not mounted. CPU burst discarded."
IDLE_WARNING: Final = "Your kernel does not support idle control groups. CPU idle discarded."
REALTIME_WARNING: Final = (
    "Your kernel does not support CPU real-time scheduler or the cgroup is not mounted. "
    "CPU real-time period/runtime discarded."
)


def is_asked(resources: Resources) -> bool:
    cpu = resources.cpu
    return cpu is not None and (
        any((cpu.shares, cpu.quota, cpu.period, cpu.burst, cpu.realtime_runtime, cpu.realtime_period))
        or cpu.idle is not None
    )


def weight_of_shares(shares: int) -> int:
    """Shares -> weight by the formula that maps the minimum, the default and the maximum onto each other.

    2 -> 1, 1024 -> 100, 262144 -> 10000: a quadratic in the logarithms (opencontainers/cgroups, crun 1.23; the older
    linear formula gave 1024 shares a weight of 39). 0 stays 0: not set.
    """
    if shares == 0:
        return 0
    if shares <= 2:
        return 1
    if shares >= 262144:
        return 10000
    logarithm = math.log2(shares)
    exponent = (logarithm * logarithm + 125 * logarithm) / 612.0 - 7.0 / 34.0
    return math.ceil(10**exponent)


def v1(resources: Resources) -> list[Write]:
    cpu = resources.cpu
    if cpu is None:
        return []
    writes = _idle(cpu)
    if cpu.shares and cpu.idle != 1:
        writes.append(Write("cpu.shares", str(cpu.shares), WARNING))
    # Burst and period may not be legal together with the old quota.
    if cpu.burst is not None:
        writes.append(Write("cpu.cfs_burst_us", str(cpu.burst), BURST_WARNING if cpu.burst else "", again=True))
    if cpu.period:
        writes.append(Write("cpu.cfs_period_us", str(cpu.period), QUOTA_WARNING, again=True))
    if cpu.quota:
        writes.append(Write("cpu.cfs_quota_us", str(cpu.quota), QUOTA_WARNING))
    if cpu.realtime_period:
        writes.append(Write("cpu.rt_period_us", str(cpu.realtime_period), REALTIME_WARNING, again=True))
    if cpu.realtime_runtime:
        writes.append(Write("cpu.rt_runtime_us", str(cpu.realtime_runtime), REALTIME_WARNING))
    return writes


def v2(resources: Resources) -> list[Write]:
    """Real time is a write to a file that version 2 does not have, which says so."""
    cpu = resources.cpu
    if cpu is None:
        return []
    writes = _idle(cpu)
    if cpu.shares and cpu.idle != 1:
        writes.append(Write("cpu.weight", str(weight_of_shares(cpu.shares)), WARNING))
    if cpu.burst is not None:
        writes.append(Write("cpu.max.burst", str(cpu.burst), BURST_WARNING if cpu.burst else "", again=True))
    if cpu.quota or cpu.period:
        writes.append(Write("cpu.max", _v2_max(cpu.quota, cpu.period), QUOTA_WARNING))
    if cpu.realtime_period or cpu.realtime_runtime:
        writes.append(Write("cpu.rt_runtime_us", str(cpu.realtime_runtime or 0), REALTIME_WARNING))
    return writes


def _idle(cpu: Cpu) -> list[Write]:
    """First of all: the kernel refuses shares and weights for a group that is idle."""
    if cpu.idle is None:
        return []
    return [Write("cpu.idle", str(cpu.idle), IDLE_WARNING if cpu.idle else "")]


def _v2_max(quota: int | None, period: int | None) -> str:
    """``"QUOTA PERIOD"``. A quota without a period leaves the kernel's own, which the file takes as one number."""
    limit = str(quota) if quota and quota > 0 else "max"
    if not period:
        return limit
    return f"{limit} {period}"
