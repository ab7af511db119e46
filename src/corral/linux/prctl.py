"""prctl(2): the operations on the calling process that an engine uses, one function each."""

from __future__ import annotations

from typing import Final

from corral.linux import libc

PR_SET_PDEATHSIG: Final = 1
PR_GET_DUMPABLE: Final = 3
PR_SET_DUMPABLE: Final = 4
PR_SET_KEEPCAPS: Final = 8
PR_SET_NAME: Final = 15
PR_CAPBSET_READ: Final = 23
PR_CAPBSET_DROP: Final = 24
PR_SET_CHILD_SUBREAPER: Final = 36
PR_SET_NO_NEW_PRIVS: Final = 38
PR_GET_NO_NEW_PRIVS: Final = 39
PR_CAP_AMBIENT: Final = 47

PR_CAP_AMBIENT_IS_SET: Final = 1
PR_CAP_AMBIENT_RAISE: Final = 2
PR_CAP_AMBIENT_LOWER: Final = 3
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4


def prctl(option: int, arg2: int = 0, arg3: int = 0, arg4: int = 0, arg5: int = 0) -> int:
    """The raw call; unused arguments are zero, as the kernel demands. Raises OSError."""
    return libc.syscall("prctl", option, arg2, arg3, arg4, arg5)


def set_pdeathsig(sig: int) -> None:
    prctl(PR_SET_PDEATHSIG, sig)


def set_dumpable(dumpable: bool) -> None:
    """Not dumpable: /proc/PID of the process belongs to root and ptrace needs CAP_SYS_PTRACE. execve resets it."""
    prctl(PR_SET_DUMPABLE, int(dumpable))


def get_dumpable() -> bool:
    return prctl(PR_GET_DUMPABLE) == 1


def set_keepcaps(keep: bool) -> None:
    """Keep permitted capabilities across a change from user 0 to another. execve resets it."""
    prctl(PR_SET_KEEPCAPS, int(keep))


def set_name(name: str) -> None:
    """The thread's name as ps shows it, cut to 15 bytes."""
    libc.syscall("prctl", PR_SET_NAME, name.encode()[:15])


def set_child_subreaper(enable: bool) -> None:
    prctl(PR_SET_CHILD_SUBREAPER, int(enable))


def set_no_new_privs() -> None:
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def capbset_read(cap: int) -> bool:
    """Whether the capability is in the bounding set. Raises OSError, EINVAL when the kernel does not know it."""
    return prctl(PR_CAPBSET_READ, cap) == 1


def capbset_drop(cap: int) -> None:
    prctl(PR_CAPBSET_DROP, cap)


def cap_ambient_raise(cap: int) -> None:
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap)


def cap_ambient_clear_all() -> None:
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
