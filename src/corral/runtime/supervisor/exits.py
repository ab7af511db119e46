"""How processes ended, whoever their parent is.

Our own children are collected by the ``Reaper``. Those of a predecessor have the keeper as their parent, or, when
that died as well, the host's first process. Their end is seen by their pidfd; their status comes from the keeper, or
from procfs as long as nobody has collected them, or afterwards from the kernel, which remembers it for whoever has a
pidfd (Linux 6.15); or it is unknown.

Programs that make containers for us leave orphans: the containers' processes, which become ours (or the keeper's) when
that program ends, and may have ended by then. As long as such a program runs, the statuses of processes that nobody
knows are remembered, to be found by who ``adopts`` them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from corral.linux import procstat
from corral.linux.pidfd import pidfd_get_info, pidfd_send_signal
from corral.runtime.supervisor.loop import IN, Loop
from corral.runtime.supervisor.reaper import Reaper

_PATIENCE: Final = 2.0
_PAUSE: Final = 0.02

Ended = Callable[[int | None], None]
"""Called with the code as ``Exit`` has it."""


def exit_code(status: int) -> int:
    """Out of a wait status: 0-255, 128 + N for signal N."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


class Exits:
    def __init__(self, loop: Loop, reaper: Reaper) -> None:
        self._loop = loop
        self._reaper = reaper
        self._children: dict[int, tuple[int, Ended]] = {}
        self._watched: dict[int, Ended] = {}
        self._statuses: dict[int, int] = {}
        self._orphans: dict[int, int] = {}
        self._programs = 0
        reaper.report_strangers(self._stranger)

    def of_child(self, pid: int, pidfd: int, ended: Ended) -> None:
        """``pidfd`` stays the caller's, who calls ``forget`` before closing it, unless ``ended`` was called."""
        self._children[pid] = (pidfd, ended)
        self._reaper.expect(pid, lambda status: self._collected(pid, status))

    def of_other(self, pid: int, pidfd: int, ended: Ended) -> None:
        """The same for a process that is not our child."""
        self._watched[pid] = ended
        self._loop.add(pidfd, IN, lambda _: self._gone(pid, pidfd))

    def program_begins(self) -> None:
        """One that will leave orphans. Each call is to be followed by one of ``program_ended``."""
        self._programs += 1

    def program_ended(self) -> None:
        """Its orphans were adopted, if there were any."""
        self._programs -= 1
        if not self._programs:
            self._orphans.clear()

    def adopt(self, pid: int, ended: Ended) -> int:
        """Watch an orphan, whoever its parent is now. Returns its pidfd, as with ``of_child``, or -1 when it has ended
        already: then ``ended`` is called at the end of this turn, or as soon as the keeper has said how. Raises
        OSError."""
        status = self._orphans.pop(pid, None)
        if status is None:
            try:
                pidfd = os.pidfd_open(pid)
            except ProcessLookupError:
                self._programs += 1
                self._loop.call_soon(lambda: self._seek(pid, ended, time.monotonic() + _PATIENCE))
                return -1
            if parent_of(pid) == os.getpid():
                self.of_child(pid, pidfd, ended)
            else:
                self.of_other(pid, pidfd, ended)
            return pidfd
        code = exit_code(status)
        self._loop.call_soon(lambda: ended(code))
        return -1

    def _seek(self, pid: int, ended: Ended, deadline: float) -> None:
        status = self._orphans.pop(pid, None)
        if status is None and time.monotonic() < deadline:
            self._loop.call_later(_PAUSE, lambda: self._seek(pid, ended, deadline))
            return
        self.program_ended()
        ended(None if status is None else exit_code(status))

    def apart(self, work: Callable[[], None], done: Callable[[bool], None], *, keep: int = -1) -> None:
        """Have ``work`` done by a child that has ``keep`` open; ``done`` is told whether it came to an end. Should we
        die meanwhile, it goes on. Raises OSError."""
        self._reaper.in_child(work, lambda status: done(status == 0), keep=keep, nice=0)

    def forget(self, pid: int, pidfd: int) -> None:
        self._reaper.forget(pid)
        self._children.pop(pid, None)
        self._statuses.pop(pid, None)
        if self._watched.pop(pid, None) is not None:
            self._loop.remove(pidfd)

    def after_fork(self) -> None:
        """In a forked child: our children are now our parent's."""
        children, self._children = self._children, {}
        for pid, (pidfd, ended) in children.items():
            self.of_other(pid, pidfd, ended)

    def told(self, pid: int, status: int) -> None:
        """The keeper collected ``pid``."""
        if pid in self._watched:
            self._statuses[pid] = status
        else:
            self._stranger(pid, status)

    def _stranger(self, pid: int, status: int) -> None:
        if self._programs:
            self._orphans[pid] = status

    def _collected(self, pid: int, status: int) -> None:
        _, ended = self._children.pop(pid)
        ended(exit_code(status))

    def _gone(self, pid: int, pidfd: int) -> None:
        self._loop.remove(pidfd)
        self._conclude(pid, pidfd, time.monotonic() + _PATIENCE)

    def _conclude(self, pid: int, pidfd: int, deadline: float) -> None:
        if pid not in self._watched:
            return
        status = self._statuses.pop(pid, None)
        if status is None:
            status = _uncollected_status(pid, pidfd)
        if status is None:
            info = pidfd_get_info(pidfd)
            status = info.wait_status if info is not None else None
        if status is None and time.monotonic() < deadline:
            self._loop.call_later(_PAUSE, lambda: self._conclude(pid, pidfd, deadline))
            return
        self._watched.pop(pid)(None if status is None else exit_code(status))


def _uncollected_status(pid: int, pidfd: int) -> int | None:
    """The wait status of a dead process that its parent has not collected yet."""
    try:
        fields = procstat.fields(pid)
        pidfd_send_signal(pidfd, 0)  # fails if it was collected meanwhile, and the number perhaps used again
    except OSError:
        return None
    return int(fields[procstat.STATUS]) if fields and fields[procstat.STATE] == b"Z" else None


def parent_of(pid: int) -> int:
    """0 when it is gone."""
    try:
        fields = procstat.fields(pid)
    except OSError:
        return 0
    return int(fields[procstat.PARENT]) if fields else 0
