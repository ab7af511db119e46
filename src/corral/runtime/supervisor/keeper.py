"""The keeper: parent of the supervisor, who holds what must outlive it and starts another one.

It has duplicates of every descriptor that a container's life or output depends on, adopts the children of a dead
supervisor (it is a child subreaper) and collects them. When the supervisor dies the keeper forks: the child has all
of that by inheritance and becomes the next supervisor, a millisecond later. When the keeper dies the supervisor
forks: the *parent*, whose children the containers are, becomes the next keeper, and the child goes on as the
supervisor.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, NoReturn

from corral.linux import prctl
from corral.runtime.supervisor.base import Base
from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.kept import Kept
from corral.runtime.supervisor.loop import Loop
from corral.runtime.supervisor.peer import Peer
from corral.runtime.supervisor.reaper import Reaper

_REMEMBERED: Final = 1024
_QUICK: Final = 1.0
_LONGEST_PAUSE: Final = 5.0


@dataclass(slots=True)
class Estate:
    """What a supervisor begins with.

    ``link``: to its keeper; ``statuses``: of processes that the keeper collected.
    """

    kept: Kept
    link: socket.socket
    statuses: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ward:
    """A supervisor that is running already: its process id and the keeper's end of the link."""

    pid: int
    link: socket.socket


class Keeper:
    def __init__(self, base: Base, kept: Kept) -> None:
        self._base = base
        self._kept = kept
        self._loop = Loop()
        self._reaper = Reaper(self._loop, self._collected)
        self._statuses: OrderedDict[int, int] = OrderedDict()
        self._peer: Peer | None = None
        self._status: int | None = None
        self._failures = 0
        prctl.set_child_subreaper(True)
        prctl.set_name("corral-keeper")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def run(self, ward: Ward | None) -> Estate:
        """Returns only in a forked child, which is to be the supervisor.

        Ends the process when the supervisor is done.
        """
        while True:
            if ward is None:
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                pid = os.fork()
                if not pid:
                    return self._hand_over(ours, theirs)
                theirs.close()
                ward = Ward(pid, ours)
            began = time.monotonic()
            self._watch(ward)
            ward = None
            self._judge(time.monotonic() - began)

    def _hand_over(self, ours: socket.socket, theirs: socket.socket) -> Estate:
        self._loop.close()  # first, for the epoll instance is shared with the keeper
        self._reaper.close()
        ours.close()
        return Estate(self._kept, theirs, dict(self._statuses))

    def _watch(self, ward: Ward) -> None:
        """Until it has ended, and everything that it sent has been received."""
        self._status = None
        self._peer = Peer(self._loop, ward.link, self._kept.receive, self._unlinked)
        self._reaper.expect(ward.pid, self._ended)
        self._reaper.collect()
        while not self._over():
            self._loop.turn()

    def _over(self) -> bool:
        return self._status is not None and self._peer is None

    def _ended(self, status: int) -> None:
        self._status = status

    def _unlinked(self) -> None:
        self._peer = None

    def _collected(self, pid: int, status: int) -> None:
        """An adopted child. Remembered as well, for the supervisor may die before it hears of it."""
        self._statuses[pid] = status
        while len(self._statuses) > _REMEMBERED:
            self._statuses.popitem(last=False)
        if self._peer is not None:
            self._peer.send({"reaped": [pid, status]})

    def _judge(self, lifetime: float) -> None:
        assert self._status is not None
        if self._status == 0:
            self._end()
        report("supervisor died", status=os.waitstatus_to_exitcode(self._status), seconds=round(lifetime, 3))
        killed = os.WIFSIGNALED(self._status) and os.WTERMSIG(self._status) == signal.SIGKILL
        self._failures = self._failures + 1 if lifetime < _QUICK and not killed else 0
        if self._failures > 1:
            time.sleep(min(_LONGEST_PAUSE, 0.05 * 2**self._failures))

    def _end(self) -> NoReturn:
        self._base.remove()
        os._exit(0)
