"""The door to the kernel: the only place that loads the C library, and the only one that turns errno into an exception.

Everything goes through ``syscall(2)``, prepared once: looking functions up and boxing each integer costs more than most
of the calls themselves. ``syscall`` releases the interpreter lock; the clone wrapper needs the opposite and uses
``locked_syscall``.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from typing import Final

_MOST_ARGUMENTS: Final = 6


def _door(library: ctypes.CDLL) -> Callable[..., int]:
    """Arguments are words of the machine: integers, bytes (the kernel gets their address), None, arrays, ``byref``."""
    function = library.syscall
    function.restype = ctypes.c_long
    function.argtypes = (ctypes.c_long, *(ctypes.c_void_p,) * _MOST_ARGUMENTS)
    return function


_syscall: Final = _door(ctypes.CDLL(None, use_errno=True))
_locked_syscall: Final = _door(ctypes.PyDLL(None, use_errno=True))

MACHINE: Final = os.uname().machine

AT_FDCWD: Final = -100
AT_SYMLINK_NOFOLLOW: Final = 0x100
AT_RECURSIVE: Final = 0x8000
AT_EMPTY_PATH: Final = 0x1000

# Numbers that differ between architectures; everything from 424 (pidfd_send_signal) on is the same everywhere.
_LEGACY: Final[dict[str, dict[str, int]]] = {
    "x86_64": {
        "bpf": 321,
        "capget": 125,
        "capset": 126,
        "execveat": 322,
        "fstatfs": 138,
        "getcwd": 79,
        "inotify_add_watch": 254,
        "inotify_init1": 294,
        "inotify_rm_watch": 255,
        "ioprio_get": 252,
        "ioprio_set": 251,
        "keyctl": 250,
        "mount": 165,
        "personality": 135,
        "pivot_root": 155,
        "prctl": 157,
        "rt_sigaction": 13,
        "rt_sigprocmask": 14,
        "sched_setattr": 314,
        "seccomp": 317,
        "set_mempolicy": 238,
        "setdomainname": 171,
        "sethostname": 170,
        "setns": 308,
        "sync_file_range": 277,
        "syncfs": 306,
        "tee": 276,
        "umount2": 166,
        "unshare": 272,
    },
    "aarch64": {
        "bpf": 280,
        "capget": 90,
        "capset": 91,
        "execveat": 281,
        "fstatfs": 44,
        "getcwd": 17,
        "inotify_add_watch": 27,
        "inotify_init1": 26,
        "inotify_rm_watch": 28,
        "ioprio_get": 31,
        "ioprio_set": 30,
        "keyctl": 219,
        "mount": 40,
        "personality": 92,
        "pivot_root": 41,
        "prctl": 167,
        "rt_sigaction": 134,
        "rt_sigprocmask": 135,
        "sched_setattr": 274,
        "seccomp": 277,
        "set_mempolicy": 237,
        "setdomainname": 162,
        "sethostname": 161,
        "setns": 268,
        "sync_file_range": 84,
        "syncfs": 267,
        "tee": 77,
        "umount2": 39,
        "unshare": 97,
    },
}
_MODERN: Final[dict[str, int]] = {
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_open": 434,
    "clone3": 435,
    "close_range": 436,
    "openat2": 437,
    "pidfd_getfd": 438,
    "mount_setattr": 442,
}
SYSCALLS: Final[dict[str, int]] = {**_LEGACY.get(MACHINE, {}), **_MODERN}


def failure(name: str, path: str | bytes | None = None, number: int | None = None) -> OSError:
    """The exception for the last failed call: errno, ``"name: text"`` and the path (``None`` when it has none)."""
    number = ctypes.get_errno() if number is None else number
    text = f"{name}: {os.strerror(number)}"
    return OSError(number, text, os.fsdecode(path)) if path is not None else OSError(number, text)


def syscall(
    name: str,
    first: object = 0,
    second: object = 0,
    third: object = 0,
    fourth: object = 0,
    fifth: object = 0,
    sixth: object = 0,
    *,
    path: str | bytes | None = None,
) -> int:
    """Invoke system call ``name``; ``path`` is for the exception only.

    Raises OSError (ENOSYS as well, when the architecture's table does not have the call).
    """
    number = SYSCALLS.get(name)
    if number is None:
        raise failure(name, path, errno.ENOSYS)
    result = _syscall(number, first, second, third, fourth, fifth, sixth)
    if result < 0:
        raise failure(name, path)
    return result


def locked_syscall(name: str, first: object = 0, second: object = 0) -> int:
    """The same with the interpreter lock held throughout, as a fork needs; negative errno on failure."""
    result = _locked_syscall(SYSCALLS[name], first, second, 0, 0, 0, 0)
    return -ctypes.get_errno() if result < 0 else result
