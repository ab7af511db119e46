"""Handing a child's seccomp descriptor to the agent that the bundle names (config-linux.md, "Seccomp")."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from corral.oci.runtime import Spec

__all__ = ["sender"]


def sender(spec: Callable[[], Spec], id: str, pid: int, status: str, bundle: str) -> Callable[[int], None]:
    """What takes the descriptor's number in the process ``pid`` and sends it. Rare, so nothing is read or imported
    before it is called; that raises OSError, Invalid.
    """

    def send(number: int) -> None:
        from corral.errors import Invalid
        from corral.runtime.security.seccomp.notify import ProcessState, hand_over, listener_of

        described = spec()
        listener = None if described.linux.seccomp is None else listener_of(described.linux.seccomp)
        if listener is None:
            raise Invalid("seccomp listenerPath is not set")
        pidfd = os.pidfd_open(pid)
        try:
            hand_over(listener, ProcessState(id, pid, status, bundle, described.annotations), pidfd, number)
        finally:
            os.close(pidfd)

    return send
