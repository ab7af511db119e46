"""Out of memory: being told when the kernel kills in a group, and counting how often it did.

Version 1 signals an eventfd registered in cgroup.event_control with memory.oom_control; the count is in that file.
Version 2 has both in memory.events, whose changes poll(2) reports as POLLPRI.
"""

from __future__ import annotations

import os
import select
from typing import Final

from corral.runtime.cgroups.write import read_text, write_text

__all__ = ["OomWatch", "kill_count"]

_FILES: Final = {1: "memory.oom_control", 2: "memory.events"}


def kill_count(directory: str, version: int) -> int:
    """Processes killed for memory in the group and below since it was made; 0 when the group is gone."""
    try:
        text = read_text(f"{directory}/{_FILES[version]}")
    except OSError:
        return 0
    return _field(text, "oom_kill")


class OomWatch:
    """Register ``fileno()`` for ``events`` with epoll; when it is reported, ``read()`` says whether there was a kill.

    Closes itself never: the owner calls ``close``.
    """

    __slots__ = ("_count", "_directory", "_fd", "_version", "events")

    def __init__(self, fd: int, directory: str, version: int) -> None:
        self._fd = fd
        self._directory = directory
        self._version = version
        self._count = kill_count(directory, version)
        self.events = select.EPOLLIN if version == 1 else select.EPOLLPRI

    @classmethod
    def v1(cls, directory: str) -> OomWatch:
        """Raises OSError."""
        control = os.open(f"{directory}/{_FILES[1]}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            try:
                write_text(f"{directory}/cgroup.event_control", f"{fd} {control}")
            except OSError:
                os.close(fd)
                raise
        finally:
            os.close(control)
        return cls(fd, directory, 1)

    @classmethod
    def v2(cls, directory: str) -> OomWatch:
        """Raises OSError."""
        fd = os.open(f"{directory}/{_FILES[2]}", os.O_RDONLY | os.O_CLOEXEC)
        os.read(fd, 4096)  # poll reports changes since the last read
        return cls(fd, directory, 2)

    def fileno(self) -> int:
        return self._fd

    def read(self) -> bool:
        """Whether processes were killed since the last call. Consumes the notification; never blocks or raises.

        The version 1 signal comes when memory runs out, before the kill, and once more when the group is removed: an
        event without a new kill is False in version 2, and in version 1 True as long as the group is there.
        """
        if self._version == 1:
            try:
                os.eventfd_read(self._fd)
            except BlockingIOError:
                return False
            return os.path.exists(f"{self._directory}/{_FILES[1]}")
        try:
            text = os.pread(self._fd, 4096, 0).decode()
        except OSError:
            return False
        before, self._count = self._count, _field(text, "oom_kill")
        return self._count > before

    def close(self) -> None:
        os.close(self._fd)


def _field(text: str, name: str) -> int:
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0
