"""The parent's side of ``init.messages``: what a child says before its execve, and what becomes of it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Final

from corral.errors import CorralError, Internal
from corral.linux.fd import close_all, recv_fds
from corral.runtime.init.messages import GO, LIMIT, LISTENING, WAIT

__all__ = ["Parley", "StartFailure"]

_NOT_STARTED: Final = "container process ended before it was started"


class StartFailure(Internal):
    """``exit_code``: what a shell would say, 126 or 127 for a program that cannot be found or executed."""

    def __init__(self, message: str, exit_code: int = 125) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Parley:
    """``console``: takes over the descriptor of a terminal's master; ``warning``: is told what was degraded;
    ``hooks``: runs those of the runtime and returns the answer; ``listener``: takes the number that the descriptor for
    a seccomp agent has in the child."""

    __slots__ = ("_console", "_hooks", "_listener", "_sync", "_warning")

    def __init__(
        self,
        sync: socket.socket,
        warning: Callable[[str], None],
        console: Callable[[int], None] | None = None,
        hooks: Callable[[], bytes] | None = None,
        listener: Callable[[int], None] | None = None,
    ) -> None:
        self._sync = sync
        self._warning = warning
        self._console = console
        self._hooks = hooks
        self._listener = listener

    def until_ready(self) -> None:
        """Raises StartFailure, and what the console raises."""
        if not self._listen():
            raise StartFailure(_NOT_STARTED)

    def leave(self, door: socket.socket) -> None:
        """To one that is ready: it waits at the door from now on, and we may go. Raises StartFailure."""
        try:
            socket.send_fds(self._sync, [WAIT], [door.fileno()])
        except OSError:
            raise StartFailure(_NOT_STARTED) from None

    def go(self) -> None:
        """Let it become its program, as soon as it can. Raises StartFailure, and what the console raises."""
        try:
            self._sync.send(GO)
        except OSError:
            self._listen()
            raise StartFailure(_NOT_STARTED) from None
        while self._listen():  # it said that it was ready before it read that it may go
            continue

    def _listen(self) -> bool:
        """True when it is ready, False when it has let the socket go."""
        while True:
            try:
                payload, fds = recv_fds(self._sync, LIMIT, 1)
            except ConnectionResetError:
                return False
            if not payload:
                return False
            message = json.loads(payload)
            kind = message.get("type")
            if kind == "console" and fds and self._console is not None:
                self._console(fds[0])
                continue
            close_all(fds)
            if kind == "ready":
                return True
            if kind == "warning":
                self._warning(message["message"])
            elif kind == "hooks" and self._hooks is not None:
                self._sync.send(self._hooks())
            elif kind == "listener" and self._listener is not None:
                try:
                    self._listener(int(message["fd"]))
                except (OSError, CorralError) as error:
                    doing = "sending seccomp fd to its listener: "
                    text = f"{doing}{error.strerror}" if isinstance(error, OSError) else error.message
                    raise StartFailure(text) from error
                self._sync.send(LISTENING)
            elif kind == "error":
                raise StartFailure(message["message"], message["exit_code"])
