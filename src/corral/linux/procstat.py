"""/proc/PID/stat: proc_pid_stat(5)."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["PARENT", "START", "STATE", "STATUS", "fields"]

# Places in what ``fields`` gives; the manual counts from the process id, and from 1.
STATE: Final = 3 - 3
PARENT: Final = 4 - 3
START: Final = 22 - 3
STATUS: Final = 52 - 3

_LIMIT: Final = 4096


def fields(pid: int) -> list[bytes]:
    """What stands behind the process's name, which may hold anything; nothing when it is gone. Raises OSError."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    try:
        text = os.read(fd, _LIMIT)
    except ProcessLookupError:
        return []
    finally:
        os.close(fd)
    return text.rpartition(b")")[2].split()
