"""Workers from the nursery: the daemon's side, without an event loop."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Final

import corral

_BOOT: Final = (
    "import sys, os, json; sys.path[:0] = json.loads(sys.argv[1]); fd = int(sys.argv[2])\n"
    "if fd != 3: os.dup2(fd, 3); os.close(fd)\n"
    "from corral.archive.nursery import main; main()"
)
_ROOM: Final = 1 << 20


class Nursery:
    """Started when first asked for something, and again when it has gone. Usable from any thread and event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None

    def ask(self, module: str, request: dict[str, Any], fds: Sequence[int]) -> None:
        """A worker is on its way, or dies with its descriptors. Raises OSError when none can be made."""
        text = json.dumps({"module": module, "request": request}).encode()
        with self._lock:
            if self._control is not None:
                try:
                    socket.send_fds(self._control, [text], fds)
                except (BrokenPipeError, ConnectionResetError):
                    self._control.close()
                    self._control = None
                else:
                    return
            self._control = _start()
            socket.send_fds(self._control, [text], fds)


def _start() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
        subprocess.Popen(
            [sys.executable, "-SI", "-c", _BOOT, json.dumps(list(_paths())), str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            env={"LC_ALL": "C.UTF-8"},
            cwd="/",
        )
    return ours


def _paths() -> Iterable[str]:
    """Where this process finds its modules; the package's own place first, in case an import hook supplied it."""
    found = [os.path.dirname(os.path.dirname(corral.__file__)), *(path for path in sys.path if path)]
    return [os.path.abspath(path) for path in found]


NURSERY: Final = Nursery()
"""One for the whole process, as a compiler has one disk cache: it holds nothing but imported modules."""
