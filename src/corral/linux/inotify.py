"""inotify(7): being told of changes in directories."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import Final

from corral.linux import libc

IN_MODIFY: Final = 0x00000002
IN_CLOSE_WRITE: Final = 0x00000008
IN_MOVED_FROM: Final = 0x00000040
IN_MOVED_TO: Final = 0x00000080
IN_CREATE: Final = 0x00000100
IN_DELETE: Final = 0x00000200
IN_DELETE_SELF: Final = 0x00000400
IN_MOVE_SELF: Final = 0x00000800
IN_Q_OVERFLOW: Final = 0x00004000
IN_IGNORED: Final = 0x00008000
IN_ONLYDIR: Final = 0x01000000

IN_NONBLOCK: Final = os.O_NONBLOCK
IN_CLOEXEC: Final = os.O_CLOEXEC

_HEADER: Final = struct.Struct("=iIII")
_BUFFER: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Event:
    """``wd``: the watch, -1 for IN_Q_OVERFLOW; ``name``: of the entry in the watched directory, "" for itself."""

    wd: int
    mask: int
    name: str


def inotify_init1(flags: int = IN_NONBLOCK | IN_CLOEXEC) -> int:
    """A new instance. Raises OSError, EMFILE when the user has too many (fs.inotify.max_user_instances)."""
    return libc.syscall("inotify_init1", flags)


def inotify_add_watch(fd: int, path: str, mask: int) -> int:
    """The watch descriptor; the same again when the inode is watched already. Raises OSError."""
    return libc.syscall("inotify_add_watch", fd, os.fsencode(path), mask, path=path)


def inotify_rm_watch(fd: int, wd: int) -> None:
    """Raises OSError, EINVAL when the watch is gone, as it is when the directory was removed."""
    libc.syscall("inotify_rm_watch", fd, wd)


def read_events(fd: int) -> list[Event]:
    """Everything that is waiting, in order. Raises BlockingIOError when that is nothing."""
    data = os.read(fd, _BUFFER)
    events = []
    position = 0
    while position < len(data):
        wd, mask, _, length = _HEADER.unpack_from(data, position)
        position += _HEADER.size
        name = data[position : position + length].split(b"\0", 1)[0]
        events.append(Event(wd, mask, os.fsdecode(name)))
        position += length
    return events
