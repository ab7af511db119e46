"""Handing a child's seccomp descriptor to the agent that its container names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from corral.errors import Invalid
from corral.runtime.security.seccomp.notify import Listener, ProcessState, hand_over, listener_of

if TYPE_CHECKING:
    from corral.runtime.supervisor.container import Container
    from corral.runtime.supervisor.process import Process


def deliver_listener(container: Container, process: Process, number: int) -> None:
    """``number``: the descriptor, in the child ``process``. Raises OSError, Invalid, Unavailable."""
    spec = container.spec()
    listener = Listener.in_annotations(spec.annotations)
    if listener is None and spec.linux.seccomp is not None:
        listener = listener_of(spec.linux.seccomp)
    if listener is None:
        raise Invalid("seccomp listenerPath is not set")
    state = ProcessState(
        id=container.id,
        pid=process.pid,
        status="creating" if process is container.init else "running",
        bundle=container.bundle,
        annotations=spec.annotations,
    )
    hand_over(listener, state, process.pidfd, number)
