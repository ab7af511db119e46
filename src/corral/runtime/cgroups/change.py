"""Changing the limits of a group that lives, so that either all of the change is in force or none of it.

What a file held is read before the first write to it. ``restoring`` is the pure part: which write puts it back.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Final

from corral.runtime.cgroups.write import Write, apply, read_text, write_text

__all__ = ["Change", "restoring"]

_DEVICE: Final = re.compile(r"\d+:\d+")
_NONE_OF_DEVICE: Final = {
    "io.max": "rbps=max wbps=max riops=max wiops=max",
    "io.latency": "target=0",
    "io.weight": "default",
    "io.bfq.weight": "default",
    "blkio.weight_device": "default",
    "blkio.leaf_weight_device": "default",
    "blkio.bfq.weight_device": "default",
    "rdma.max": "hca_handle=max hca_object=max",
}
"""What takes an entry out of a file that holds one line for each device; 0 in all that are not listed."""
_FIRST_FIELD: Final = {"memory.oom_control": "oom_kill_disable"}


class Change:
    """Writes that can be taken back, in one or several directories. Not for new groups, which are just removed."""

    def __init__(self) -> None:
        self._undo: list[tuple[str, Write]] = []

    def apply(self, directory: str, writes: Iterable[Write]) -> list[str]:
        """As ``write.apply``, remembering what was there."""
        writes = tuple(writes)
        for write in writes:
            candidate: Write | None = write
            while candidate is not None and not os.path.exists(f"{directory}/{candidate.file}"):
                candidate = candidate.otherwise
            if candidate is not None and (old := _old(directory, candidate)) is not None:
                self._undo.append((directory, old))
        return apply(directory, writes)

    def undo(self) -> None:
        """Put everything back, newest first; what is refused (pairs of values) once more at the end. Never raises."""
        refused = []
        for directory, write in reversed(self._undo):
            if not _put_back(directory, write):
                refused.append((directory, write))
        for directory, write in refused:
            _put_back(directory, write)
        self._undo.clear()


def restoring(file: str, value: str, before: str) -> Write:
    """What puts ``file`` back to ``before``, its text, after ``value`` was written to it."""
    if file in _FIRST_FIELD:
        return Write(file, before.split()[1])
    key = value.split(" ", 1)[0]
    if " " in value and (_DEVICE.fullmatch(key) or file in _NONE_OF_DEVICE or file == "net_prio.ifpriomap"):
        lines = before.splitlines()
        line = next((line for line in lines if line.split(" ", 1)[0] == key), None)
        return Write(file, line or f"{key} {_NONE_OF_DEVICE.get(file, '0')}")
    # The first line: files of weights show the default there and then the devices.
    return Write(file, before.split("\n", 1)[0].strip() or "\n")


def _old(directory: str, write: Write) -> Write | None:
    try:
        return restoring(write.file, write.value, read_text(f"{directory}/{write.file}"))
    except (OSError, IndexError):  # a file that is only written, such as cgroup.kill
        return None


def _put_back(directory: str, write: Write) -> bool:
    try:
        write_text(f"{directory}/{write.file}", write.value)
    except OSError:
        return False
    return True
