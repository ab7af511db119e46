"""Descriptors: close_range(2), passing them over Unix sockets, and naming them by path."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import Final

from corral.linux import libc

CLOSE_RANGE_UNSHARE: Final = 2
CLOSE_RANGE_CLOEXEC: Final = 4
LAST: Final = 0xFFFFFFFF

SCM_MAX_FD: Final = 253
_FD: Final = struct.Struct("=i")

# As plain integers: each operation on members of an enumeration costs microseconds, and these are for every message.
_CLOEXEC: Final = int(socket.MSG_CMSG_CLOEXEC)
_CUT: Final = int(socket.MSG_TRUNC | socket.MSG_CTRUNC)
_RIGHTS: Final = (int(socket.SOL_SOCKET), int(socket.SCM_RIGHTS))


def close_range(first: int, last: int = LAST, flags: int = 0) -> None:
    """Close, or with CLOSE_RANGE_CLOEXEC mark for closing at exec, every descriptor in the range. Raises OSError."""
    libc.syscall("close_range", first, last, flags)


def path_of(fd: int) -> str:
    """The magic link through which the kernel resolves to exactly what ``fd`` is open on; needs a procfs at /proc."""
    return f"/proc/self/fd/{fd}"


def send_fds(sock: socket.socket, payload: bytes, fds: Sequence[int] = (), flags: int = 0) -> int:
    """Send one message with up to SCM_MAX_FD descriptors; at least one byte of payload. Raises OSError."""
    return socket.send_fds(sock, [payload], list(fds), flags) if fds else sock.send(payload, flags)


def recv_fds(sock: socket.socket, size: int, maxfds: int = SCM_MAX_FD, flags: int = 0) -> tuple[bytes, list[int]]:
    """Receive one message and its descriptors, close-on-exec. Raises OSError, EMSGSIZE when the message was cut."""
    # socket.recv_fds does not pass its flags on before Python 3.12.
    room = socket.CMSG_LEN(maxfds * _FD.size)
    payload, control, message_flags, _ = sock.recvmsg(size, room, flags | _CLOEXEC)
    fds = [
        fd
        for level, kind, data in control
        if (level, kind) == _RIGHTS
        for (fd,) in _FD.iter_unpack(data[: len(data) - len(data) % _FD.size])
    ]
    if message_flags & _CUT:
        close_all(fds)
        raise libc.failure("recvmsg", None, 90)
    return payload, fds


def close_all(fds: Sequence[int]) -> None:
    """Close each, ignoring those that are not open."""
    for fd in fds:
        try:
            socket.close(fd)
        except OSError:
            continue
