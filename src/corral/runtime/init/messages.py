"""The conversation on ``Child.sync``, a SEQPACKET socket pair: one JSON object a packet.

::

    child ──> supervisor   {"type": "console"} and the pty's master as SCM_RIGHTS    if the process has a terminal
    child ──> supervisor   {"type": "warning", "message": ...}                       any number: what was degraded
    child ──> supervisor   {"type": "hooks"}                                         all is mounted; if there are
                                                                                     prestart or createRuntime hooks
    child <── supervisor   {"type": "hooked", "error": ""}                           they were run, or how one failed
    child ──> supervisor   {"type": "ready"}                                         set up; unless it may go already
                                                                                     and had no hooks to wait for
    child <── supervisor   {"type": "go"}                                            may be sent before "ready"
                        or {"type": "wait"} and a listening socket as SCM_RIGHTS     only after "ready": whoever
                                                                                     connects to it takes over and
                                                                                     says "go"
    child ──> supervisor   {"type": "listener", "fd": 7}                             the filter is installed, and this
                                                                                     descriptor of the child's is for
                                                                                     the agent that answers it
    child <── supervisor   {"type": "listening"}                                     the agent has it
    child ──> supervisor   end of file: the execve has happened
                        or {"type": "error", "message": ..., "exit_code": 125 | 126 | 127, "early": false | true},
                        and the child exits

An error may come at any time before the end of file; sending "go" then fails with EPIPE, and the error can be read.
A child whose supervisor has hung up before "go" exits silently. The first process of a PID namespace is not gone before
all others that were cloned into it have been waited for: execs are to be reaped in whatever order they end.
"""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Mapping
from typing import Final

from corral.linux import fd as fds
from corral.runtime.init.failure import OTHER, SetupError

CONSOLE: Final = "console"
WARNING: Final = "warning"
READY: Final = b'{"type":"ready"}'
ERROR: Final = "error"
HOOKS: Final = "hooks"
GO: Final = b'{"type":"go"}'
LISTENER: Final = "listener"
LISTENING: Final = b'{"type":"listening"}'
WAIT: Final = b'{"type":"wait"}'

_DO_NOT_WAIT: Final = int(socket.MSG_DONTWAIT)

LIMIT: Final = 1 << 16
"""Bytes: no message is longer."""
_MESSAGE_LIMIT: Final = 8192


class Sync:
    """The child's end."""

    __slots__ = ("_may_go", "_sock")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._may_go = False

    def console(self, master: int) -> None:
        fds.send_fds(self._sock, encode({"type": CONSOLE}), [master])

    def warning(self, message: str) -> None:
        self._sock.send(encode({"type": WARNING, "message": message[:_MESSAGE_LIMIT]}))

    def error(self, message: str, exit_code: int = OTHER, *, early: bool = False) -> None:
        """The last word. A "go" that nobody will read any more would make the supervisor see ECONNRESET instead."""
        said: dict[str, str | int] = {
            "type": ERROR,
            "message": message[:_MESSAGE_LIMIT],
            "exit_code": exit_code,
            "early": early,
        }
        self._sock.send(encode(said))
        self._sock.shutdown(socket.SHUT_RD)
        while self._sock.recv(LIMIT):
            pass

    def ask_for_hooks(self) -> bool:
        """Wait until those of the runtime were run. False when the supervisor has hung up. Raises SetupError."""
        self._sock.send(encode({"type": HOOKS}))
        while message := self._sock.recv(LIMIT):
            if message == GO:
                self._may_go = True
                continue
            error = json.loads(message).get("error")
            if error:
                raise SetupError(error)
            return True
        return False

    def wait_for_go(self) -> bool:
        """All is set up. False when the supervisor has hung up."""
        if self._may_go:
            self._sock.send(READY)
            return True
        try:
            message = self._sock.recv(LIMIT, _DO_NOT_WAIT)
        except BlockingIOError:
            self._sock.send(READY)
            message, doors = fds.recv_fds(self._sock, LIMIT, 1)
            if doors:
                message = self._answer(socket.socket(fileno=doors[0]))
        return message != b""

    def _answer(self, door: socket.socket) -> bytes:
        """Whoever made us does not stay. One who knocks and goes away again may have been killed."""
        message = b""
        while not message:
            self._sock, _ = door.accept()
            message = self._sock.recv(LIMIT)
        return message

    def hand_over(self, listener: int) -> None:
        """To the supervisor, which fetches it; the system call filter holds already, so by write(2) and read(2) alone.

        Raises ConnectionResetError when the supervisor has hung up.
        """
        fd = self._sock.fileno()
        message = b'{"type":"listener","fd":%d}' % listener
        os.write(fd, message)
        while (answer := os.read(fd, LIMIT)) != LISTENING:
            if not answer:
                raise ConnectionResetError(errno.ECONNRESET, "supervisor has hung up")
            os.write(fd, message)  # it was another supervisor that is gone

    def close(self) -> None:
        self._sock.close()


def encode(message: Mapping[str, str | int]) -> bytes:
    """One packet."""
    return json.dumps(message).encode(errors="replace")
