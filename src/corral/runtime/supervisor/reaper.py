"""Children: who has ended, and how.

SIGCHLD wakes the loop through a socket pair (``signal.set_wakeup_fd``); then every child that has ended is collected.
That includes orphans that became ours because we are their subreaper. Those that nobody waits for are reported as
strangers: the keeper passes these on to the supervisor, which may know them.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from corral.linux.fd import close_range
from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.loop import IN, Loop

Ended = Callable[[int], None]
"""Called with the wait status."""


_CORE: Final = 0x80


class Reaper:
    def __init__(self, loop: Loop, stranger: Callable[[int, int], None] | None = None) -> None:
        """``stranger`` is called with process id and wait status."""
        self._loop = loop
        self._stranger = stranger
        self._waiting: dict[int, Ended] = {}
        self._install()

    def expect(self, pid: int, ended: Ended) -> None:
        """Call ``ended`` when child ``pid`` has ended; never before the loop's next turn."""
        self._waiting[pid] = ended

    def forget(self, pid: int) -> None:
        self._waiting.pop(pid, None)

    def report_strangers(self, stranger: Callable[[int, int], None]) -> None:
        """From now on; see ``__init__``."""
        self._stranger = stranger

    def in_child(self, work: Callable[[], None], ended: Ended, *, keep: int = -1, nice: int = 10) -> int:
        """Fork a child of low priority that has no descriptors but standard error and ``keep``, and does ``work``.

        Raises OSError.
        """
        pid = os.fork()
        if pid:
            self.expect(pid, ended)
            return pid
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            if keep > 3:
                close_range(3, keep - 1)
            close_range(max(keep + 1, 3))
            os.nice(nice)
            work()
            status = 0
        except OSError as error:
            report("child failed", error)
        finally:
            os._exit(status)

    def collect(self) -> None:
        """Everything that has ended by now."""
        while True:
            try:
                # Left in place until it was handled: should we die before, the keeper finds it again.
                child = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if child is None:
                return
            self._handle(child.si_pid, _wait_status(child))
            with suppress(ChildProcessError):
                os.waitpid(child.si_pid, os.WNOHANG)

    def _handle(self, pid: int, status: int) -> None:
        ended = self._waiting.pop(pid, None)
        try:
            if ended is not None:
                ended(status)
            elif self._stranger is not None:
                self._stranger(pid, status)
        except Exception as error:
            report("exit not handled", error, child=pid)

    def after_fork(self) -> None:
        """In a forked child: no children, and a wake-up of its own."""
        self._waiting.clear()
        self.close()
        self._install()

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._loop.remove(self._awake.fileno())
        self._awake.close()
        self._wake.close()

    def _install(self) -> None:
        self._awake, self._wake = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _woken)
        self._loop.add(self._awake.fileno(), IN, self._ready)

    def _ready(self, _events: int) -> None:
        self._awake.recv(4096)
        self.collect()


def _wait_status(child: os.waitid_result) -> int:
    """As waitpid(2) encodes it."""
    if child.si_code == os.CLD_EXITED:
        return child.si_status << 8
    return child.si_status | (_CORE if child.si_code == os.CLD_DUMPED else 0)


def _woken(_signal: int, _frame: object) -> None:
    """A handler is needed for the wake-up to be written; all the rest happens in the loop."""
