"""pidfd_open(2) and its relatives: processes by descriptor, which no reuse of numbers can confuse."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
from dataclasses import dataclass
from typing import Final

from corral.linux import libc

PIDFD_INFO_PID: Final = 1 << 0
PIDFD_INFO_CREDS: Final = 1 << 1
PIDFD_INFO_CGROUPID: Final = 1 << 2
PIDFD_INFO_EXIT: Final = 1 << 3

# struct pidfd_info, first version: mask cgroupid pid tgid ppid, eight ids, exit_code. 64 bytes.
_PIDFD_INFO: Final = struct.Struct("=QQ3I8Ii")
_PIDFD_GET_INFO: Final = (3 << 30) | (_PIDFD_INFO.size << 16) | (0xFF << 8) | 11


@dataclass(frozen=True, slots=True)
class PidfdInfo:
    """What the kernel tells of a pidfd's process; ``wait_status`` as waitpid has it, None while it is not known."""

    pid: int
    ppid: int
    cgroup_id: int | None
    wait_status: int | None


def pidfd_open(pid: int, flags: int = 0) -> int:
    return os.pidfd_open(pid, flags)


def pid_of(pidfd: int) -> int:
    """As the procfs at /proc numbers processes. Raises ProcessLookupError when it is gone, or not to be seen there."""
    with open(f"/proc/self/fdinfo/{pidfd}") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name == "Pid" and int(value) > 0:
                return int(value)
    raise ProcessLookupError(errno.ESRCH, "process is gone")


def pidfd_send_signal(pidfd: int, sig: int) -> None:
    signal.pidfd_send_signal(pidfd, sig)


def pidfd_getfd(pidfd: int, targetfd: int) -> int:
    """A duplicate of descriptor ``targetfd`` of another process. Raises OSError."""
    return libc.syscall("pidfd_getfd", pidfd, targetfd, 0)


def pidfd_get_info(pidfd: int) -> PidfdInfo | None:
    """The PIDFD_GET_INFO ioctl (Linux 6.13; exit status since 6.15, kept after the reaping while a pidfd is open).

    Returns None when the kernel does not have it or the process is gone without a trace. Raises OSError otherwise.
    """
    buffer = bytearray(_PIDFD_INFO.size)
    struct.pack_into("=Q", buffer, 0, PIDFD_INFO_PID | PIDFD_INFO_CGROUPID | PIDFD_INFO_EXIT)
    try:
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, buffer, True)
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EINVAL, errno.ESRCH):
            return None
        raise
    mask, cgroup_id, pid, _tgid, ppid, *_ids, exit_code = _PIDFD_INFO.unpack(buffer)
    return PidfdInfo(
        pid=pid,
        ppid=ppid,
        cgroup_id=cgroup_id if mask & PIDFD_INFO_CGROUPID else None,
        wait_status=exit_code if mask & PIDFD_INFO_EXIT else None,
    )
