"""Out of memory: being told when the kernel kills in a group, counting how often it did, and whose limit it was.

Version 1 signals an eventfd registered in cgroup.event_control with memory.oom_control; the count is in that file.
Version 2 has both in memory.events, whose changes poll(2) reports as POLLPRI.

The limit that was hit need not be the group's own. Version 2 counts in memory.events.local of the group whose it was.
Version 1 shows no more than that a group has been at its limit (max_usage_in_bytes; failcnt stays 0 on some kernels),
which it is as well while there is page cache to give back: there the nearest such group is named.
"""

from __future__ import annotations

import os
import select
from typing import Final

from corral.runtime.cgroups.tree import descendants
from corral.runtime.cgroups.write import read_text, write_text

__all__ = ["HOST", "OWN", "OomWatch", "kill_count"]

OWN: Final = "container"
"""The group's own limit."""
HOST: Final = "host"
"""No group's limit: the machine, or the container in which the engine is, has no more memory."""

_FILES: Final = {1: "memory.oom_control", 2: "memory.events"}
_UNLIMITED: Final = 1 << 60
_NEAR: Final = 1 << 16
"""Bytes: a charge that fails is of a few pages."""


def kill_count(directory: str, version: int, *, nested: bool = False) -> int:
    """Processes killed for memory in the group since it was made; 0 when it is gone.

    Version 2 counts those of groups below it as well; version 1 does when ``nested``, for those that are there still.
    """
    count = _count(f"{directory}/{_FILES[version]}", "oom_kill")
    if nested and version == 1:
        count += sum(_count(f"{child}/{_FILES[1]}", "oom_kill") for child in descendants(directory))
    return count


class OomWatch:
    """Register ``fileno()`` for ``events`` with epoll; when it is reported, ``read()`` says whether there was a kill,
    and after that ``limit()`` whose limit was hit.

    ``killed``: there has been one. ``unsure``: memory has run out, but nobody has been killed yet; it is to be read
    again soon. Closes itself never: the owner calls ``close``.
    """

    __slots__ = ("_count", "_directory", "_fd", "_local", "_root", "_version", "events", "killed", "unsure")

    def __init__(self, fd: int, directory: str, root: str, version: int) -> None:
        self._fd = fd
        self._directory = directory
        self._root = root
        self._version = version
        self._count = kill_count(directory, version)
        self._local = 0
        self.killed = self.unsure = False
        self.events = select.EPOLLIN if version == 1 else select.EPOLLPRI

    @classmethod
    def v1(cls, directory: str, root: str) -> OomWatch:
        """``root``: where the hierarchy is mounted. Raises OSError."""
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
        return cls(fd, directory, root, 1)

    @classmethod
    def v2(cls, directory: str, root: str) -> OomWatch:
        """Raises OSError."""
        fd = os.open(f"{directory}/{_FILES[2]}", os.O_RDONLY | os.O_CLOEXEC)
        os.read(fd, 4096)  # poll reports changes since the last read
        return cls(fd, directory, root, 2)

    def fileno(self) -> int:
        return self._fd

    def read(self) -> bool:
        """Whether processes were killed since the last call. Consumes the notification; never blocks or raises.

        The version 1 signal comes before the kill, to all groups below the one whose limit was hit, whoever is killed,
        and once more when the group is removed. Where the kernel may not kill, it counts as if it had.
        """
        killed = self._read_v1() if self._version == 1 else self._read_v2()
        self.killed |= killed
        return killed

    def _read_v2(self) -> bool:
        try:
            text = os.pread(self._fd, 4096, 0).decode()
        except OSError:
            return False
        before, self._count = self._count, _field(text, "oom_kill")
        return self._count > before

    def _read_v1(self) -> bool:
        try:
            signals = os.eventfd_read(self._fd)
        except OSError:  # there is nothing to read, or it cannot be: no reason to hold an exit up
            if not self.unsure:
                return False
            signals = 0
        control = f"{self._directory}/{_FILES[1]}"
        if not os.path.exists(control):
            # Somebody was faster and has removed it: one signal says no more than that.
            killed, self.unsure = self.unsure or signals > 1, False
            return killed
        before, self._count = self._count, kill_count(self._directory, 1, nested=True)
        killed = self._count > before or bool(_count(control, "oom_kill_disable"))
        self.unsure = signals > 0 and not killed
        return killed

    def limit(self) -> str:
        """``OWN``, ``HOST`` or the path of another group, above the watched one or nested in it. Never raises."""
        if not os.path.exists(self._directory):
            return OWN
        before, self._local = self._local, _hits(self._directory, self._version)
        if self._local > (before if self._version == 2 else 0):
            return OWN
        for child in descendants(self._directory):
            if _hits(child, self._version):
                return child.removeprefix(self._root)
        above = os.path.dirname(self._directory)
        while len(above) > len(self._root):
            if _hits(above, self._version) and (self._version == 1 or _is_limited(above)):
                return above.removeprefix(self._root)
            above = os.path.dirname(above)
        return HOST

    def close(self) -> None:
        os.close(self._fd)


def _hits(directory: str, version: int) -> int:
    """How often memory ran out by this group's own limit; version 1: whether it can have."""
    if version == 2:
        return _count(f"{directory}/memory.events.local", "oom")
    for name in ("", "memsw."):
        peak = _number(f"{directory}/memory.{name}max_usage_in_bytes")
        if peak + _NEAR >= _number(f"{directory}/memory.{name}limit_in_bytes", _UNLIMITED):
            return 1
    return 0


def _is_limited(directory: str) -> bool:
    """Version 2."""
    return _number(f"{directory}/memory.max", _UNLIMITED) < _UNLIMITED


def _count(path: str, name: str) -> int:
    try:
        return _field(read_text(path), name)
    except OSError:
        return 0


def _number(path: str, otherwise: int = 0) -> int:
    try:
        return int(read_text(path))
    except (OSError, ValueError):  # "max"
        return otherwise


def _field(text: str, name: str) -> int:
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0
