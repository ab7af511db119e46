"""Stopping a whole group in its tracks: cgroup.freeze of version 2, the freezer controller of version 1.

Version 2 is preferred where both exist: what it froze can still be killed, and freezing is one write that the kernel
completes by itself. Version 1 may need the write repeated while the group forks.
"""

from __future__ import annotations

import os
import select
import time
from typing import Final

from corral.runtime.cgroups.write import read_text, write_text

__all__ = ["is_frozen_v1", "is_frozen_v2", "set_v1", "set_v2"]

_PATIENCE: Final = 0.1


def set_v2(directory: str, frozen: bool) -> bool:
    """Freeze or thaw, waiting for up to 0.1 s until the kernel says that it is so. Returns whether it did.

    Raises OSError.
    """
    events = os.open(f"{directory}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
    try:
        write_text(f"{directory}/cgroup.freeze", "1" if frozen else "0")
        poll = select.poll()
        poll.register(events, select.POLLPRI)
        deadline = time.monotonic() + _PATIENCE
        while _says_frozen(os.pread(events, 4096, 0).decode()) != frozen:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            poll.poll(remaining * 1000)
    finally:
        os.close(events)
    return True


def set_v1(directory: str, frozen: bool) -> bool:
    """Freeze or thaw, repeating for up to 0.1 s; a group that still forks then stays FREEZING.

    Returns whether it came to be. Raises OSError.
    """
    state = "FROZEN" if frozen else "THAWED"
    deadline = time.monotonic() + _PATIENCE
    while True:
        write_text(f"{directory}/freezer.state", state)
        if read_text(f"{directory}/freezer.state").strip() == state:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.001)


def is_frozen_v2(directory: str) -> bool:
    """Whether the group was told to freeze. Raises OSError."""
    return read_text(f"{directory}/cgroup.freeze").strip() == "1"


def is_frozen_v1(directory: str) -> bool:
    return read_text(f"{directory}/freezer.state").strip() != "THAWED"


def _says_frozen(events: str) -> bool:
    return "frozen 1" in events.splitlines()
