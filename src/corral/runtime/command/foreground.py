"""Staying with a process until it ends: its exit status, signals passed on, its terminal relayed to ours."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from typing import TYPE_CHECKING, Final

from corral.linux import tty

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["Foreground"]

_PASSED: Final = ("HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "TERM", "CONT", "PWR")
_CHUNK: Final = 1 << 16


class Foreground:
    """Made before the process, so that no signal is lost. ``console`` takes a terminal's master over."""

    __slots__ = ("_master", "_pending", "_pidfd")

    def __init__(self) -> None:
        self._master = -1
        self._pidfd = -1
        self._pending: list[int] = []
        for name in _PASSED:
            signal.signal(getattr(signal, f"SIG{name}"), self._signalled)

    def console(self, master: int) -> None:
        self._master = master

    def stay(self, pid: int, pidfd: int) -> int:
        """Until it has ended. Returns its exit status, 128 + N for signal N."""
        self._pidfd = pidfd
        for number in self._pending:
            self._send(number)
        if self._master >= 0:
            self._relay()
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        return 128 - code if code < 0 else code

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        if self._pidfd < 0:
            self._pending.append(number)
        else:
            self._send(number)

    def _send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)

    def _relay(self) -> None:
        """Until the process has ended and what it wrote last is shown."""
        before = None
        if os.isatty(0):
            before = tty.set_raw(0)
            self._resize()
            signal.signal(signal.SIGWINCH, lambda *_: self._resize())
        try:
            self._copy()
        finally:
            if before is not None:
                tty.restore(0, before)
            os.close(self._master)

    def _resize(self) -> None:
        with contextlib.suppress(OSError):
            tty.set_winsize(self._master, *tty.get_winsize(0))

    def _copy(self) -> None:
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        poll.register(self._pidfd, select.POLLIN)
        poll.register(0, select.POLLIN)
        ended = False
        while True:
            ready = dict(poll.poll(0 if ended else None))
            if self._master in ready:
                try:
                    data = os.read(self._master, _CHUNK)
                except OSError:  # EIO: nobody has the other end
                    return
                _write_all(1, data)
            elif ended:
                return
            if 0 in ready:
                data = os.read(0, _CHUNK) if ready[0] & select.POLLIN else b""
                if data:
                    with contextlib.suppress(OSError):
                        _write_all(self._master, data)
                else:
                    poll.unregister(0)
            if self._pidfd in ready:
                ended = True
                poll.unregister(self._pidfd)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
