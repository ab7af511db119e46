"""sched(7): sched_setattr(2), policies and flags by the kernel's names."""

from __future__ import annotations

import struct
from typing import Final

from corral.linux import libc

POLICIES: Final[dict[str, int]] = {
    "SCHED_OTHER": 0,
    "SCHED_FIFO": 1,
    "SCHED_RR": 2,
    "SCHED_BATCH": 3,
    "SCHED_ISO": 4,
    "SCHED_IDLE": 5,
    "SCHED_DEADLINE": 6,
}
FLAGS: Final[dict[str, int]] = {
    "SCHED_FLAG_RESET_ON_FORK": 0x01,
    "SCHED_FLAG_RECLAIM": 0x02,
    "SCHED_FLAG_DL_OVERRUN": 0x04,
    "SCHED_FLAG_KEEP_POLICY": 0x08,
    "SCHED_FLAG_KEEP_PARAMS": 0x10,
    "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
    "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
}

_SCHED_ATTR: Final = struct.Struct("=IIQiIQQQII")
"""size, policy, flags, nice, priority, runtime, deadline, period, util_min, util_max"""


def sched_setattr(
    pid: int,
    policy: int,
    *,
    flags: int = 0,
    nice: int = 0,
    priority: int = 0,
    runtime: int = 0,
    deadline: int = 0,
    period: int = 0,
) -> None:
    """``pid`` 0: the calling thread. Times in nanoseconds. Raises OSError."""
    record = _SCHED_ATTR.pack(_SCHED_ATTR.size, policy, flags, nice, priority, runtime, deadline, period, 0, 0)
    libc.syscall("sched_setattr", pid, record, 0)
