"""The nursery: a process that has everything imported and forks a worker for each request. Started by ``forks``.

An interpreter with our modules takes 40 ms to start, a fork of one 2 ms. Requests come as messages on descriptor 3:
a JSON object ``{"module": ..., "request": ...}`` with the worker's standard input, its standard output, its message
channel (its descriptor 3, see ``worker``) and whatever else the request is about; the module's ``main`` is called with
the request, which finds the numbers of the other descriptors in ``fds``. The worker first sends a pidfd of itself.

The nursery has one thread, no descriptor but these, and an empty environment. It ends when the daemon does, and after a
minute without work.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from typing import Any, Final

from corral.archive import diff, treereader, worker  # noqa: F401 (imported once for all workers)

CONTROL: Final = 3
REQUEST_MAXIMUM: Final = 1 << 17
FDS_MAXIMUM: Final = 16
_MESSAGES: Final = 3
_IDLE: Final = 60_000
_DESCRIPTOR: Final = array.array("i", [0]).itemsize


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for workers here: they are reaped at once
    control = socket.socket(fileno=CONTROL)
    poll = select.poll()
    poll.register(control, select.POLLIN)
    gc.collect()
    gc.freeze()
    while poll.poll(_IDLE):
        text, fds = _receive(control)
        if not text:
            break
        message = json.loads(text)
        _import(message["module"])
        if os.fork() == 0:
            _grow(message, fds)
        for fd in fds:
            os.close(fd)
    os._exit(0)


def _receive(control: socket.socket) -> tuple[bytes, list[int]]:
    text, ancillary, _, _ = control.recvmsg(
        REQUEST_MAXIMUM, socket.CMSG_LEN(FDS_MAXIMUM * _DESCRIPTOR), socket.MSG_CMSG_CLOEXEC
    )
    fds = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) // _DESCRIPTOR * _DESCRIPTOR])
    return text, list(fds)


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError:
        traceback.print_exc()  # again in the worker, whose end is noticed


def _grow(message: dict[str, Any], fds: list[int]) -> None:
    """The rest of a worker's life."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd, number in zip(fds, (0, 1, _MESSAGES), strict=False):
            os.dup2(fd, number)
            os.close(fd)
        channel = socket.socket(fileno=os.dup(_MESSAGES))
        pidfd = os.pidfd_open(os.getpid())
        socket.send_fds(channel, [b"\n"], [pidfd])
        os.close(pidfd)
        channel.close()
        request = message["request"] | {"fds": fds[3:]}
        importlib.import_module(message["module"]).main(request)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)
