"""Control files that systemd writes too, put back to what they held.

What systemd is told is less exact than a file (a quota is a whole per cent there), and telling it of one limit makes it
write all of the same controller.
"""

from __future__ import annotations

import contextlib
from typing import Final

from corral.runtime.cgroups.change import restoring
from corral.runtime.cgroups.hierarchies import Hierarchies
from corral.runtime.cgroups.plan import directory_of
from corral.runtime.cgroups.write import read_text, write_text

__all__ = ["Files"]

_V1: Final = {
    "cpu": ("cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us"),
    "memory": ("memory.limit_in_bytes",),
    "pids": ("pids.max",),
    "blkio": ("blkio.weight", "blkio.bfq.weight"),
}
_V2: Final = {
    "cpu": ("cpu.idle", "cpu.weight", "cpu.max"),
    "cpuset": ("cpuset.cpus", "cpuset.mems"),
    "blkio": ("io.weight", "io.bfq.weight"),
    "memory": ("memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.max", "memory.zswap.max"),
    "pids": ("pids.max",),
}


class Files:
    """What the files of the group ``path`` hold now."""

    def __init__(self, hierarchies: Hierarchies, path: str) -> None:
        self._texts: dict[str, str] = {}
        for controller in _V1 | _V2:
            place = hierarchies.of(controller)
            if place is None:
                continue
            for name in (_V1 if place.version == 1 else _V2).get(controller, ()):
                file = f"{directory_of(place, path)}/{name}"
                with contextlib.suppress(OSError):
                    self._texts[file] = read_text(file)

    def put_back(self) -> None:
        """Raises OSError when the kernel refuses what it has accepted before."""
        failure = None
        for _ in range(2):  # some values are legal only after others (quota and period)
            failure = None
            for file, text in self._texts.items():
                try:
                    if read_text(file) != text:
                        write_text(file, restoring(file, "", text).value)
                except OSError as error:
                    failure = error
            if failure is None:
                return
        if failure is not None:
            raise failure
