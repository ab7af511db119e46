"""How ``start`` finds the process that ``create`` has left behind: a listening socket in the state directory.

The process holds the listening end and lets it go by its execve; so one that answers is still waiting, whatever was
recorded. What it has to say about its execve comes on the same connection. Only who may enter the state directory can
knock.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Final

from corral.runtime.command.records import DOOR, Directory

__all__ = ["is_answered", "knock", "make"]

_VISITORS: Final = 16
_NOBODY: Final = (errno.ECONNREFUSED, errno.ENOENT)


def make(directory: Directory) -> socket.socket:
    """To be given to the process. By way of the descriptor: the directory's path may be longer than a socket's may."""
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        door.bind(_path(directory))
        door.listen(_VISITORS)
    except BaseException:
        door.close()
        raise
    return door


def knock(directory: Directory) -> socket.socket | None:
    """A connection to the process, None when none is waiting. Raises OSError."""
    visitor = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        visitor.connect(_path(directory))
    except OSError as error:
        visitor.close()
        if error.errno in _NOBODY:
            return None
        raise
    return visitor


def is_answered(directory: Directory) -> bool:
    if not os.access(DOOR, os.F_OK, dir_fd=directory.fd, follow_symlinks=False):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK) as visitor:
        return visitor.connect_ex(_path(directory)) not in _NOBODY


def _path(directory: Directory) -> str:
    return f"/proc/self/fd/{directory.fd}/{DOOR}"
