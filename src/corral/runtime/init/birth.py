"""Born last: a process that enters a PID namespace with others in it is not there before it is what they are.

Between its birth and its program a process has all of root's powers and the supervisor's memory. It is not dumpable
meanwhile, which keeps everybody off but those who have CAP_SYS_PTRACE where the supervisor has it. Some containers
have. So whoever is set up for them stays outside their PID namespace, where nobody inside can name it; gives up
everything; executes a program of some bytes, in whose memory there is nothing (``birth_program``); and that bears the
process, our child as well, and ends. What can be traced then may do nothing that the tracer may not do, and knows
nothing but its own arguments.

The number of the new process is left in a page that its parent shares with us, and it does not.
"""

from __future__ import annotations

import fcntl
import functools
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from corral.linux import libc, seccomp, sigmask
from corral.linux import mount as m
from corral.linux.execve import execveat
from corral.linux.libc import AT_EMPTY_PATH
from corral.oci.runtime import Process
from corral.runtime.init import birth_program
from corral.runtime.init.failure import described
from corral.runtime.init.mounts import MountPlan
from corral.runtime.security.seccomp.load import Filter
from corral.runtime.security.seccomp.machine import data, run

__all__ = ["Birth", "begin", "child_of", "is_possible", "knows_processes_of", "showing"]

_PAGE: Final = 4096
_NUMBER: Final = struct.Struct("=i")
_MFD_EXEC: Final = 0x10
_AUDIT: Final = {"x86_64": seccomp.AUDIT_ARCH_X86_64, "aarch64": seccomp.AUDIT_ARCH_AARCH64}
_LETS_IT: Final = (seccomp.SECCOMP_RET_ALLOW, seccomp.SECCOMP_RET_LOG)
_UNCONFINED: Final = ("", "unconfined")


@dataclass(frozen=True, slots=True)
class Birth:
    """Descriptors: ``page`` is shared, ``program`` is executed. ``prepare`` and ``execute`` are called in the child."""

    page: int
    program: int

    def prepare(self) -> int:
        """While everything may be called still: the page as a low descriptor that an execve does not close."""
        low = os.dup(self.page)
        os.set_inheritable(low, True)
        return low

    def execute(self, page: int, path: str, args: Sequence[str], env: Mapping[str, str], *, terminal: bool) -> None:
        """Never returns. ``page``: from ``prepare``. The process becomes the leader of a session, which gets its input
        as its terminal. Raises SetupError."""
        what = chr(birth_program.FIRST + page + (birth_program.TERMINAL if terminal else 0))
        sigmask.set_mask(sigmask.NONE)
        try:
            environment = [f"{name}={value}" for name, value in env.items()]
            execveat(self.program, "", [what, path, f"exec {path}: ", *args], environment, AT_EMPTY_PATH)
        except OSError as error:
            raise described(f"starting {args[0]}", error) from error


def is_possible(process: Process, filter: Filter | None) -> bool:
    """Not needed under a security module, which keeps off who has another label; not possible under a filter that
    refuses one of the few calls that it takes, or asks somebody."""
    if process.apparmor_profile not in _UNCONFINED or process.selinux_label:
        return False
    return _program() >= 0 and (filter is None or _is_allowed(filter))


def knows_processes_of(namespace: str) -> bool:
    """Whether a procfs can be mounted for others than those among whom we are ourselves: since Linux 6.18."""
    return "," not in namespace and _mounts_for_others()


def showing(mounts: tuple[MountPlan, ...], namespace: str) -> tuple[MountPlan, ...]:
    """The same, procfs with the processes of the PID namespace at the path ``namespace``."""
    option = f"pidns={namespace}"
    return tuple(
        replace(plan, data=f"{plan.data},{option}" if plan.data else option) if plan.fstype == "proc" else plan
        for plan in mounts
    )


def begin() -> Birth:
    """In the supervisor, which closes the page. Raises OSError."""
    page = os.memfd_create("birth", os.MFD_CLOEXEC)
    try:
        os.ftruncate(page, _PAGE)
    except OSError:
        os.close(page)
        raise
    return Birth(page, _program())


def child_of(page: int) -> int:
    """The process id of who was born, 0 for nobody: final when the parent has ended. Raises OSError."""
    try:
        number = os.pread(page, _NUMBER.size, 0)
    except OSError:  # it must not be missed
        number = os.pread(page, _NUMBER.size, 0)
    return int(_NUMBER.unpack(number)[0])


@functools.cache
def _program() -> int:
    """A sealed file in memory, for good; -1 where there cannot be one."""
    code = birth_program.program(libc.MACHINE)
    if code is None:
        return -1
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        try:
            file = os.memfd_create("midwife", flags | _MFD_EXEC)
        except OSError:  # before Linux 6.3
            file = os.memfd_create("midwife", flags)
        os.write(file, code)
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, seals)
    except OSError:
        return -1
    return file


@functools.cache
def _mounts_for_others() -> bool:
    try:
        context = m.fsopen("proc")
    except OSError:
        return False
    try:
        m.fsconfig(context, m.FSCONFIG_SET_STRING, "pidns", "/proc/self/ns/pid")
    except OSError:
        return False
    finally:
        os.close(context)
    return True


@functools.lru_cache(16)
def _is_allowed(filter: Filter) -> bool:
    if filter.flags & seccomp.SECCOMP_FILTER_FLAG_NEW_LISTENER:
        return False
    audit = _AUDIT[libc.MACHINE]
    calls = zip(birth_program.CALLS[libc.MACHINE], birth_program.ARGUMENTS, strict=True)
    return all(run(filter.program, data(audit, number, known)) in _LETS_IT for number, known in calls)
