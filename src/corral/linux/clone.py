"""clone3(2): a fork that enters new namespaces and a cgroup at birth and hands the parent a pidfd.

``os.fork`` followed by ``unshare`` costs a second process for the PID namespace and leaves a window in which the child
is in the wrong cgroup. The interpreter is told by the same three hooks that ``os.fork`` uses, so the child is an
ordinary Python process. The caller must be single-threaded (pthread_atfork handlers do not run).
"""

from __future__ import annotations

import ctypes
import signal
import struct
from typing import Final

from corral.linux import libc, sigmask

CLONE_VM: Final = 0x00000100
CLONE_PIDFD: Final = 0x00001000
CLONE_PARENT: Final = 0x00008000
CLONE_INTO_CGROUP: Final = 0x200000000
CLONE_CLEAR_SIGHAND: Final = 0x100000000

# struct clone_args, version 2:
# flags pidfd child_tid parent_tid exit_signal stack stack_size tls set_tid set_tid_size cgroup
_CLONE_ARGS: Final = struct.Struct("=11Q")

_python: Final = ctypes.pythonapi
for _hook in (_python.PyOS_BeforeFork, _python.PyOS_AfterFork_Parent, _python.PyOS_AfterFork_Child):
    _hook.restype = None
    _hook.argtypes = []


def clone3(flags: int, *, cgroup_fd: int | None = None) -> tuple[int, int]:
    """Fork with ``flags`` (CLONE_NEW*, CLONE_CLEAR_SIGHAND); ``cgroup_fd`` is a version 2 directory to be born in.

    Returns ``(pid, pidfd)`` in the parent (the pidfd is close-on-exec) and ``(0, -1)`` in the child. Raises OSError in
    the parent only. All signals are blocked across the fork, and still blocked in the child when it returns there:
    Python's handlers must not run in it before it has reset them. With CLONE_PARENT the child is the caller's sibling,
    and its end is signalled to their parent as the caller's is.
    """
    pidfd = ctypes.c_int(-1)
    all_flags = flags | CLONE_PIDFD
    if cgroup_fd is not None:
        all_flags |= CLONE_INTO_CGROUP
    record = _CLONE_ARGS.pack(
        all_flags,
        ctypes.addressof(pidfd),
        0,
        0,
        0 if flags & CLONE_PARENT else signal.SIGCHLD,
        0,
        0,
        0,
        0,
        0,
        cgroup_fd if cgroup_fd is not None else 0,
    )
    mask = sigmask.block_all()
    _python.PyOS_BeforeFork()
    pid = libc.locked_syscall("clone3", record, _CLONE_ARGS.size)
    if pid == 0:
        _python.PyOS_AfterFork_Child()
        return 0, -1
    _python.PyOS_AfterFork_Parent()
    sigmask.set_mask(mask)
    if pid < 0:
        raise libc.failure("clone3", None, -pid)
    return pid, pidfd.value
