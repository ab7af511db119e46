"""Processes that a runtime had put into a container when the supervisor died, and that nobody knows of.

The command dies with the supervisor, but it may have done its work by then. Who asked for it asks the next supervisor,
which makes another process; the first one has to go. It is a child of ours or of the keeper's, which nobody else in a
container with a PID namespace of its own can become: orphans in there fall to its first process.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Final

from corral.linux.pidfd import pidfd_send_signal
from corral.runtime.supervisor.container import Container
from corral.runtime.supervisor.exits import parent_of
from corral.runtime.supervisor.services import Services

_MOMENTS: Final = (0.0, 0.05, 0.5, 2.0)
"""Seconds after the restart: the command may be a little slower to die than its parent."""


def end_strays(services: Services, container: Container) -> None:
    """Now, and a few times more. Nothing where they cannot be told from others."""
    if container.traits.own_pid_namespace:
        for moment in _MOMENTS:
            services.loop.call_later(moment, lambda: _end(container))


def _end(container: Container) -> None:
    """Commands of our own that are under way have processes that nobody knows of yet."""
    if container.starts:
        return
    known = {container.init.pid, *(process.pid for process in container.execs.values())}
    ours = (os.getpid(), os.getppid())
    for pid in container.pids():
        if pid in known or parent_of(pid) not in ours:
            continue
        with suppress(ProcessLookupError):
            pidfd = os.pidfd_open(pid)
            if parent_of(pid) in ours:
                pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)
