"""systemd's readiness protocol (sd_notify(3)): a datagram to the socket that $NOTIFY_SOCKET names."""

from __future__ import annotations

import contextlib
import socket

__all__ = ["notify"]


def notify(environment: dict[str, str], state: str) -> None:
    """``state`` such as "READY=1". Does nothing without a supervisor that listens; never fails."""
    path = environment.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.connect("\0" + path[1:] if path.startswith("@") else path)
        sock.send(state.encode())
