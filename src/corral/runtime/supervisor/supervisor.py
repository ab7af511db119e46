"""The supervisor: puts everything together, and runs it until it is released or has to become the keeper."""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from corral.linux import prctl
from corral.runtime.cgroups import Hierarchies
from corral.runtime.supervisor import audience, protocol
from corral.runtime.supervisor.audience import Audience
from corral.runtime.supervisor.base import Base
from corral.runtime.supervisor.containers import Containers
from corral.runtime.supervisor.exits import Exits
from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.keeper import Estate, Ward
from corral.runtime.supervisor.kept import BATCH, Kept
from corral.runtime.supervisor.loop import IN, Loop
from corral.runtime.supervisor.operations import Operations, Request
from corral.runtime.supervisor.peer import Peer
from corral.runtime.supervisor.protocol import Message
from corral.runtime.supervisor.reaper import Reaper
from corral.runtime.supervisor.restore import Restorer
from corral.runtime.supervisor.rotation import compress_file
from corral.runtime.supervisor.services import Services
from corral.runtime.supervisor.spool import Spool

_UCRED: Final = struct.Struct("3i")


class Supervisor:
    def __init__(self, base: Base, estate: Estate) -> None:
        self._base = base
        self._loop = Loop()
        self._reaper = Reaper(self._loop)
        self._audience = Audience(self._loop)
        self._services = Services(
            self._loop,
            Exits(self._loop, self._reaper),
            Spool(base.spool, base.staging),
            self._audience,
            Hierarchies.of_host(),
            self._compress,
            base.paths.bundles,
        )
        self._containers = Containers(self._services)
        self._operations = Operations(
            self._services, self._containers, greet=self._greet, release=self._release_if_idle
        )
        self._ward: Ward | None = None
        self._link(estate.link)
        prctl.set_child_subreaper(True)
        prctl.set_name("corral-superv")
        signal.signal(signal.SIGTERM, lambda _signal, _frame: self._loop.call_soon(self._release_if_idle))
        gc.freeze()
        Restorer(self._services, self._containers, estate.kept, estate.statuses).run()
        estate.kept.close()
        self._loop.add(base.listener.fileno(), IN, self._accept)

    def run(self) -> tuple[Ward, Kept]:
        """Returns only in the parent of a new supervisor, which is to be its keeper."""
        self._loop.run()
        if self._ward is None:
            os._exit(0)
        return self._ward, self._retire(self._ward)

    # The keeper

    def _link(self, link: socket.socket) -> None:
        self._audience.keeper = Peer(self._loop, link, self._from_keeper, self._keeper_gone)
        self._keeper = _credentials(link)[0]

    def _from_keeper(self, message: Message, fds: list[int]) -> None:
        del fds  # a keeper sends none
        pid, status = message["reaped"]
        self._services.exits.told(pid, status)

    def _keeper_gone(self) -> None:
        self._audience.keeper = None
        if os.getppid() == self._keeper:  # it lives, but could not be told something: two of them would be too many
            with suppress(ProcessLookupError):
                os.kill(self._keeper, signal.SIGKILL)
        self._loop.call_soon(self._replace_keeper)

    def _replace_keeper(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid:
            self._ward = Ward(pid, ours)
            self._loop.stop()
            return
        ours.close()
        prctl.set_child_subreaper(True)
        self._loop.after_fork()
        self._reaper.after_fork()
        self._services.exits.after_fork()
        self._link(theirs)
        self._audience.introduce(self._introduction())
        report("keeper replaced")

    def _retire(self, ward: Ward) -> Kept:
        """Become a keeper: hold what a keeper holds, and nothing else of what a supervisor has."""
        kept = Kept()
        for name, fd in self._containers.kept():
            kept.keep(name, os.dup(fd))
        wanted = {0, 1, 2, ward.link.fileno(), *self._base.fds(), *kept.fds()}
        signal.set_wakeup_fd(-1)
        for name in os.listdir("/proc/self/fd"):
            if int(name) not in wanted:
                try:
                    os.close(int(name))
                except OSError:
                    continue
        # Its objects must never be finalized: the numbers of their descriptors will belong to others.
        _former.append(self)
        return kept

    # Drivers

    def _accept(self, _events: int) -> None:
        try:
            sock, _ = self._base.listener.accept()
        except BlockingIOError:
            return
        if _credentials(sock)[1] != os.geteuid():
            sock.close()
            return
        peer: Peer | None = None

        def received(message: Message, fds: list[int]) -> None:
            assert peer is not None
            self._operations.perform(Request(peer, message, fds))

        def gone() -> None:
            if peer in self._audience.drivers:
                self._audience.drivers.remove(peer)

        peer = Peer(self._loop, sock, received, gone)

    def _greet(self, peer: Peer) -> Message:
        """Give a driver what is kept, and then whatever happens."""
        items = list(self._containers.kept())
        for first in range(0, len(items), BATCH):
            audience.keep(peer, items[first : first + BATCH])
        if peer not in self._audience.drivers:
            self._audience.drivers.append(peer)
        return {"version": protocol.VERSION, **self._introduction()}

    def _introduction(self) -> Message:
        return {"pid": os.getpid(), "keeper": os.getppid()}

    def _release_if_idle(self) -> None:
        if not len(self._containers):
            self._base.remove()
            self._loop.stop()

    def _compress(self, path: str) -> Callable[[], bool]:
        """Compress a log in a child. Returns whether that has ended."""
        running = [True]
        self._reaper.in_child(lambda: compress_file(path), lambda _status: running.clear())
        return lambda: not running


def _credentials(sock: socket.socket) -> tuple[int, int, int]:
    """Process, user and group of the peer; of a socket pair's: those that made it."""
    pid, uid, gid = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return pid, uid, gid


_former: Final[list[Supervisor]] = []
"""What this process was before it became a keeper."""
