"""namespaces(7): unshare(2), setns(2) and the flags that name each kind."""

from __future__ import annotations

from typing import Final

from corral.linux import libc

CLONE_NEWTIME: Final = 0x00000080
CLONE_NEWNS: Final = 0x00020000
CLONE_NEWCGROUP: Final = 0x02000000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

FLAGS: Final[dict[str, int]] = {
    "cgroup": CLONE_NEWCGROUP,
    "ipc": CLONE_NEWIPC,
    "mnt": CLONE_NEWNS,
    "net": CLONE_NEWNET,
    "pid": CLONE_NEWPID,
    "time": CLONE_NEWTIME,
    "user": CLONE_NEWUSER,
    "uts": CLONE_NEWUTS,
}
"""Name of the link in /proc/PID/ns -> flag."""


def unshare(flags: int) -> None:
    """Leave the shared namespaces that ``flags`` names for new ones. Raises OSError."""
    libc.syscall("unshare", flags)


def setns(fd: int, flags: int) -> None:
    """Enter the namespace of an nsfs ``fd``, or several of a process at once when ``fd`` is a pidfd. Raises OSError.

    ``CLONE_NEWPID`` changes only what children of the caller will be in.
    """
    libc.syscall("setns", fd, flags)
