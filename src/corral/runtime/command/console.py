"""Where a terminal's master goes: to the caller by its --console-socket, as runc sends it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from corral.errors import Invalid
from corral.runtime.command.arguments import Options

__all__ = ["check", "sender"]

Console = Callable[[int], None]


def check(options: Options, *, terminal: bool, detached: bool) -> None:
    """The combinations that cannot be meant. Raises Invalid."""
    socket_given = bool(options.text("console-socket"))
    if terminal and detached and not socket_given:
        raise Invalid("cannot allocate tty if corral-oci will detach without setting console socket")
    if socket_given and not (terminal and detached):
        raise Invalid("cannot use console socket if corral-oci will not detach or allocate tty")


def sender(path: str) -> Console | None:
    """Connects at once, so that a socket that is not there is found before anything is made. Raises OSError."""
    if not path:
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(path)
    except OSError as error:
        connection.close()
        raise OSError(error.errno, f"connecting to the console socket: {error.strerror}", path) from error

    def send(master: int) -> None:
        with connection:
            socket.send_fds(connection, [b"/dev/ptmx"], [master])
        os.close(master)

    return send
