"""The door to the C library: the only place that loads it, and the only one that turns errno into an exception.

``call`` is for system calls that glibc wraps or that return at once. ``CDLL`` releases the interpreter lock around
the call; the clone wrapper needs the opposite and uses ``locked_syscall``.
"""

from __future__ import annotations

import ctypes
import os
import platform
from typing import Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LOCKED: Final = ctypes.PyDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long
_LOCKED.syscall.restype = ctypes.c_long

MACHINE: Final = platform.machine()

AT_FDCWD: Final = -100
AT_SYMLINK_NOFOLLOW: Final = 0x100
AT_RECURSIVE: Final = 0x8000
AT_EMPTY_PATH: Final = 0x1000

# Numbers that differ between architectures; everything from 424 (pidfd_send_signal) on is the same everywhere.
_LEGACY: Final[dict[str, dict[str, int]]] = {
    "x86_64": {
        "pivot_root": 155,
        "capget": 125,
        "capset": 126,
        "seccomp": 317,
        "bpf": 321,
        "tee": 276,
        "execveat": 322,
        "keyctl": 250,
        "getcwd": 79,
    },
    "aarch64": {
        "pivot_root": 41,
        "capget": 90,
        "capset": 91,
        "seccomp": 277,
        "bpf": 280,
        "tee": 77,
        "execveat": 281,
        "keyctl": 219,
        "getcwd": 17,
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


def syscall(name: str, *arguments: object, path: str | bytes | None = None) -> int:
    """Invoke system call ``name`` with ctypes-compatible arguments; integers are passed as C longs.

    Raises OSError (ENOSYS as well, when the architecture's table does not have the call).
    """
    number = SYSCALLS.get(name)
    if number is None:
        raise failure(name, path, 38)
    result: int = _LIBC.syscall(
        ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)
    )
    if result < 0:
        raise failure(name, path)
    return result


def call(name: str, *arguments: object, path: str | bytes | None = None) -> int:
    """Call the C library's function ``name``, which returns -1 and sets errno on failure. Raises OSError."""
    result: int = getattr(_LIBC, name)(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if result < 0:
        raise failure(name, path)
    return result


def locked_syscall(number: int, *arguments: object) -> int:
    """The raw system call with the interpreter lock held throughout, as a fork needs; negative errno on failure."""
    result: int = _LOCKED.syscall(ctypes.c_long(number), *arguments)
    return -ctypes.get_errno() if result < 0 else result
