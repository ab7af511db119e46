"""user_namespaces(7): making one without entering it, and its maps.

A process that enters a user namespace has no power left outside. So a helper is born in the new one and its namespaces
are taken by descriptor: a process that shares our memory, runs on a stack of its own and does nothing but wait for its
end, which costs a tenth of what a fork of an interpreter does. It has our descriptors open and must not outlive us::

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) for (;;) pause();
    exit(0);
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
from corral.linux.pidfd import pid_of

__all__ = ["born_in", "make", "open_namespace", "owner_of", "write_maps"]

_STACK: Final = 64 * 1024
_ALIGNMENT: Final = 16
_WALL: Final = 0x40000000
_NS_GET_USERNS: Final = 0xB701

_WAIT: Final = {
    # mov r12, rdi; prctl(1, 9); getppid; cmp eax, r12d; jne 1f; 0: pause; jmp 0b; 1: exit(0)
    "x86_64": "4989FC BF01000000 BE09000000 B89D000000 0F05 B86E000000 0F05 4439E0 7509"
    " B822000000 0F05 EBF7 31FF B83C000000 0F05",
    # mov x19, x0; prctl(1, 9); getppid; cmp w0, w19; b.ne 1f; 0: ppoll(NULL, 0, NULL, NULL); b 0b; 1: exit(0)
    "aarch64": "F30300AA 200080D2 210180D2 E81480D2 010000D4 A81580D2 010000D4 1F00136B 01010054"
    " 000080D2 010080D2 020080D2 030080D2 280980D2 010000D4 FAFFFF17 000080D2 A80B80D2 010000D4",
}

_library: Final = ctypes.CDLL(None, use_errno=True)
_clone: Final = _library.clone
_clone.restype = ctypes.c_int
_clone.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


_mmap: Final = _library.mmap
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
_EXECUTABLE: Final = 1 | 4
_PRIVATE: Final = 2
_FAILED: Final = ctypes.c_void_p(-1).value


def _function() -> ctypes.c_void_p:
    """What the helper does, given its parent's process id; where that cannot be had it just pauses."""
    code = bytes.fromhex(_WAIT.get(libc.MACHINE, ""))
    address = None
    if code:
        file = os.memfd_create("wait", os.MFD_CLOEXEC)
        os.write(file, code)
        address = _mmap(None, len(code), _EXECUTABLE, _PRIVATE, file, 0)
        os.close(file)
    if address in (None, _FAILED):
        return ctypes.cast(_library.pause, ctypes.c_void_p)
    return ctypes.c_void_p(address)


_wait: Final = _function()


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
        pid = _clone(_wait, top, CLONE_VM | CLONE_NEWUSER | flags, os.getpid())
        failure = ctypes.get_errno()
    finally:
        sigmask.set_mask(mask)
    if pid < 0:
        raise libc.failure("clone", None, failure)
    try:
        shown = _shown(pid)
        write_maps(shown, uid_map, gid_map)
        yield shown
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | _WALL)


def _shown(pid: int) -> int:
    """/proc may be of another PID namespace than we are in."""
    pidfd = os.pidfd_open(pid)
    try:
        return pid_of(pidfd)
    finally:
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
