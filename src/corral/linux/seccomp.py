"""seccomp(2): installing a filter, and the constants of filters: actions, architectures, the layout of their data."""

from __future__ import annotations

import ctypes
import errno
import struct
from typing import Final

from corral.linux import libc

SECCOMP_SET_MODE_FILTER: Final = 1
SECCOMP_GET_ACTION_AVAIL: Final = 2

SECCOMP_FILTER_FLAG_TSYNC: Final = 1 << 0
SECCOMP_FILTER_FLAG_LOG: Final = 1 << 1
SECCOMP_FILTER_FLAG_SPEC_ALLOW: Final = 1 << 2
SECCOMP_FILTER_FLAG_NEW_LISTENER: Final = 1 << 3
SECCOMP_FILTER_FLAG_TSYNC_ESRCH: Final = 1 << 4
SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: Final = 1 << 5

SECCOMP_RET_KILL_PROCESS: Final = 0x80000000
SECCOMP_RET_KILL_THREAD: Final = 0x00000000
SECCOMP_RET_TRAP: Final = 0x00030000
SECCOMP_RET_ERRNO: Final = 0x00050000
SECCOMP_RET_USER_NOTIF: Final = 0x7FC00000
SECCOMP_RET_TRACE: Final = 0x7FF00000
SECCOMP_RET_LOG: Final = 0x7FFC0000
SECCOMP_RET_ALLOW: Final = 0x7FFF0000
SECCOMP_RET_DATA: Final = 0x0000FFFF

AUDIT_ARCH_I386: Final = 0x40000003
AUDIT_ARCH_X86_64: Final = 0xC000003E
AUDIT_ARCH_ARM: Final = 0x40000028
AUDIT_ARCH_AARCH64: Final = 0xC00000B7

# struct seccomp_data: int nr; u32 arch; u64 instruction_pointer; u64 args[6]
DATA_NR: Final = 0
DATA_ARCH: Final = 4
DATA_ARGS: Final = 16

PR_SET_SECCOMP: Final = 22
SECCOMP_MODE_FILTER: Final = 2

_INSTRUCTION_SIZE: Final = 8


def install(program: bytes, flags: int = 0) -> int:
    """Add a filter to the calling thread, for good. Returns 0, or a descriptor with SECCOMP_FILTER_FLAG_NEW_LISTENER.

    ``program`` is an array of ``struct sock_filter``. Needs no_new_privs or CAP_SYS_ADMIN. Flags that the kernel does
    not know are left out, except a listener, which is a promise. Raises OSError; EBUSY when a filter with a listener
    is installed already.
    """
    listener = flags & SECCOMP_FILTER_FLAG_NEW_LISTENER
    # The kernel only reads, so it may read the bytes objects themselves: a buffer of ctypes means making a new type.
    address = ctypes.cast(ctypes.c_char_p(program), ctypes.c_void_p).value
    # struct sock_fprog: unsigned short len; padding; pointer
    fprog = struct.pack("@HP", len(program) // _INSTRUCTION_SIZE, address)
    try:
        return libc.syscall("seccomp", SECCOMP_SET_MODE_FILTER, flags, fprog)
    except OSError as error:
        if error.errno == errno.EINVAL and flags != listener:
            return libc.syscall("seccomp", SECCOMP_SET_MODE_FILTER, listener, fprog)
        if error.errno != errno.ENOSYS or listener:
            raise
    libc.syscall("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, fprog, 0, 0)
    return 0


def action_available(action: int) -> bool:
    """Whether the kernel knows ``SECCOMP_RET_*`` (Linux 4.14)."""
    try:
        libc.syscall("seccomp", SECCOMP_GET_ACTION_AVAIL, 0, ctypes.byref(ctypes.c_uint32(action)))
    except OSError:
        return False
    return True
