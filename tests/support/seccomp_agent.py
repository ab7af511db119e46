"""A seccomp agent: takes listeners at a Unix socket and answers what it is notified of."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import select
import socket
import struct
import threading
from pathlib import Path
from typing import Any

_RECV = 0xC0502100  # SECCOMP_IOCTL_NOTIF_RECV
_SEND = 0xC0182101  # SECCOMP_IOCTL_NOTIF_SEND
_RESPONSE = struct.Struct("=QqiI")  # id, val, error, flags


class Agent:
    """Answers every notification with ``error`` (an errno); remembers the states it was told and the calls."""

    def __init__(self, path: Path, error: int = errno.EDQUOT) -> None:
        self.path = path
        self.states: list[dict[str, Any]] = []
        self.calls: list[int] = []
        self._error = error
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self._wake, self._woken = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        os.close(self._woken)
        self._thread.join(10)
        os.close(self._wake)
        self._socket.close()

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._wake, 0)
        with contextlib.ExitStack() as stack:
            while True:
                for fd, events in poll.poll():
                    if fd == self._wake:
                        return
                    if fd == self._socket.fileno():
                        listener = self._accept()
                        stack.callback(os.close, listener)
                        poll.register(listener, select.POLLIN)
                    elif events & select.POLLIN:
                        self._answer(fd)
                    else:
                        poll.unregister(fd)

    def _accept(self) -> int:
        connection, _ = self._socket.accept()
        with connection:
            payload, fds, _, _ = socket.recv_fds(connection, 1 << 16, 4)
            while more := connection.recv(1 << 16):
                payload += more
        self.states.append(json.loads(payload))
        (listener,) = fds
        return listener

    def _answer(self, listener: int) -> None:
        request = bytearray(80)
        with contextlib.suppress(FileNotFoundError):  # who asked has been killed
            fcntl.ioctl(listener, _RECV, request, True)
            cookie, _, _, number = struct.unpack_from("=QIIi", request)
            self.calls.append(number)
            fcntl.ioctl(listener, _SEND, _RESPONSE.pack(cookie, 0, -self._error, 0))
