"""Signals sent to this program, passed on to a container's process."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

from corral.cli.output import error_line
from corral.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from corral.client.containers import Containers

_OURS = frozenset(
    {
        signal.SIGCHLD,
        signal.SIGPIPE,
        signal.SIGURG,
        signal.SIGWINCH,
        signal.SIGKILL,
        signal.SIGSTOP,
        signal.SIGSEGV,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGSYS,
        signal.SIGTRAP,
        signal.SIGABRT,
    }
)
_IMPATIENT = 3


@contextlib.contextmanager
def proxied(containers: Containers, container_id: str) -> Iterator[None]:
    """Every signal of the block goes to the container. The third SIGINT or SIGTERM ends this program regardless.

    The handler makes its request at once, on a connection of its own: a signal must get through also while output
    waits for a slow reader.
    """
    insisted = 0

    def forward(number: int, _frame: FrameType | None) -> None:
        nonlocal insisted
        if number in (signal.SIGINT, signal.SIGTERM):
            insisted += 1
            if insisted >= _IMPATIENT:
                error_line("got 3 SIGTERM/SIGINTs, forcefully exiting")
                os._exit(1)
        with contextlib.suppress(ClientError, OSError):  # not started yet, or gone already
            containers.kill(container_id, signal=signal.Signals(number).name)

    old = {}
    for number in signal.valid_signals() - _OURS:
        if number < signal.SIGRTMIN and signal.getsignal(number) not in (signal.SIG_IGN, None):
            old[number] = signal.signal(number, forward)
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
