"""rt_sigprocmask(2), rt_sigaction(2): the mask of blocked signals as the kernel has it, and dispositions.

The standard library's functions make a member of an enumeration of each signal that they return: a fifth of a
millisecond for a mask that blocks all, in a child where nothing is warm.
"""

from __future__ import annotations

import ctypes
from typing import Final

from corral.linux import libc

__all__ = ["NONE", "block_all", "reset", "set_mask"]

_SIG_BLOCK: Final = 0
_SIG_SETMASK: Final = 2
_SIZE: Final = 8
"""Bytes of a mask, a bit for each of 64 signals."""
_Mask: Final = ctypes.c_char * _SIZE

NONE: Final = bytes(_SIZE)
_ALL: Final = b"\xff" * _SIZE
_DEFAULT: Final = bytes(3 * 8 + _SIZE)
"""struct sigaction: SIG_DFL, no flags, no restorer, nothing blocked."""


def block_all() -> bytes:
    """Returns the mask that the thread had before."""
    before = _Mask()
    libc.syscall("rt_sigprocmask", _SIG_BLOCK, _ALL, before, _SIZE)
    return before.raw


def set_mask(mask: bytes) -> None:
    libc.syscall("rt_sigprocmask", _SIG_SETMASK, mask, None, _SIZE)


def reset(number: int) -> None:
    """The default action for a signal, whatever the interpreter believes that it is. Raises OSError."""
    libc.syscall("rt_sigaction", number, _DEFAULT, None, _SIZE)
