"""user_namespaces(7): making one without entering it, and its maps.

A process that enters a user namespace has no power left outside. So a helper is born in the new one and its namespaces
are taken by descriptor: a process that shares our memory, runs on a stack of its own and does nothing but pause(2),
which costs a tenth of what a fork of an interpreter does.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from corral.linux import libc, sigmask
from corral.linux.clone import CLONE_VM
from corral.linux.namespace import CLONE_NEWUSER
from corral.linux.pidfd import pid_of, pidfd_open

__all__ = ["born_in", "make", "open_namespace", "owner_of", "write_maps"]

_STACK: Final = 64 * 1024
_ALIGNMENT: Final = 16
_WALL: Final = 0x40000000
_NS_GET_USERNS: Final = 0xB701

_library: Final = ctypes.CDLL(None, use_errno=True)
_clone: Final = _library.clone
_clone.restype = ctypes.c_int
_clone.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
_pause: Final = ctypes.cast(_library.pause, ctypes.c_void_p)


@contextmanager
def born_in(uid_map: str, gid_map: str, flags: int = 0) -> Iterator[int]:
    """A helper in a new user namespace, and in those others that ``flags`` names, which the new one owns.

    Gives its process id in /proc, for /proc/PID/ns, while the block is entered. The maps as the kernel reads them: a
    line for each range; writing more than one's own id takes CAP_SETUID and CAP_SETGID. Raises OSError.
    """
    stack = ctypes.create_string_buffer(_STACK)
    top = (ctypes.addressof(stack) + _STACK) & -_ALIGNMENT
    mask = sigmask.block_all()
    try:
        # Without a signal for its end nobody but who knows it can wait for it.
        pid = _clone(_pause, top, CLONE_VM | CLONE_NEWUSER | flags, None)
        failure = ctypes.get_errno()
    finally:
        sigmask.set_mask(mask)
    if pid < 0:
        raise libc.failure("clone", None, failure)
    pidfd = pidfd_open(pid)
    try:
        pid = pid_of(pidfd)  # /proc may be of another PID namespace than we are in
        write_maps(pid, uid_map, gid_map)
        yield pid
    finally:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED | _WALL)
        os.close(pidfd)


def make(uid_map: str, gid_map: str) -> int:
    """A descriptor of a new user namespace in which no process is. Raises OSError."""
    with born_in(uid_map, gid_map) as pid:
        return open_namespace(pid, "user")


def open_namespace(pid: int, kind: str) -> int:
    """``kind`` as the links in /proc/PID/ns are called."""
    return os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)


def write_maps(pid: int, uid_map: str, gid_map: str) -> None:
    for name, text in (("uid_map", uid_map), ("gid_map", gid_map)):
        fd = os.open(f"/proc/{pid}/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def owner_of(namespace: int) -> int:
    """A descriptor of the user namespace that owns another namespace: ioctl_nsfs(2). Raises OSError."""
    return fcntl.ioctl(namespace, _NS_GET_USERNS)
