"""From our interpreter to the container's program by way of a file that no host has (CVE-2019-5736).

An image may name /proc/self/exe as its program, directly, as the interpreter of a script, by a link. At the moment of
the execve that is the file that the caller runs, which must not be the host's interpreter. Whoever clones many
containers starts over from a sealed one first (``sealed``), which costs a second start. A command that runs a single
container can do with less, if nobody else sees the process before it is the program: the last execve but one is that of
a tiny program of our own in memory, which is what /proc/self/exe is when the image's words are looked at. It exists
for this one container, so that nothing is won by writing to it.
"""

from __future__ import annotations

import fcntl
import functools
import os
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from corral.linux.execve import execveat
from corral.linux.libc import AT_EMPTY_PATH, MACHINE
from corral.oci.annotations import REAPER
from corral.oci.runtime import Process, Seccomp, Spec
from corral.runtime.init import trampoline_program
from corral.runtime.init.failure import described

__all__ = ["Trampoline", "suffices"]

_MFD_EXEC: Final = 0x10
_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_PASSES: Final = frozenset(("SCMP_ACT_ALLOW", "SCMP_ACT_LOG"))


class Trampoline:
    """Made before limits and filters could be in the way."""

    __slots__ = ("_file",)

    def __init__(self) -> None:
        """Raises SetupError."""
        code = _code()
        assert code is not None, "suffices() was asked"
        flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
        try:
            try:
                self._file = os.memfd_create("corral", flags | _MFD_EXEC)
            except OSError:  # before Linux 6.3
                self._file = os.memfd_create("corral", flags)
            os.write(self._file, code)
            fcntl.fcntl(self._file, fcntl.F_ADD_SEALS, _SEALS)
        except OSError as error:
            raise described("preparing the last execve", error) from error

    def execve(self, path: str, argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
        """os.execve, but that what only execve can find out is said by the program itself, in the same words.

        Raises OSError, ValueError.
        """
        execveat(self._file, "", [path, *argv], [f"{name}={value}" for name, value in env.items()], AT_EMPTY_PATH)
        raise AssertionError("execveat(2) does not return")


@functools.cache
def _code() -> bytes | None:
    """Kept: the child need not make it once more."""
    return trampoline_program.program(MACHINE)


def suffices(spec: Spec) -> bool:
    """Whether this container's first process may come from an interpreter that is not sealed.

    Nobody else may see it before it is the program: processes of its own PID namespace (there are none before it, but
    for hooks of the container's), of one that it enters. And two execves must come to the same as one: labels are for
    the next one, a filter may forbid execveat(2), and the first one takes capabilities from users other than root,
    which matters to files that have some themselves if no_new_privs holds (capabilities(7)).
    """
    hooks, process = spec.hooks, spec.process
    return (
        any(namespace.type == "pid" and not namespace.path for namespace in spec.linux.namespaces)
        and (hooks is None or not (hooks.create_container or hooks.start_container))
        and not (process.apparmor_profile or process.selinux_label)
        and not (process.no_new_privileges and _loses_capabilities(process))
        and _allows_execveat(spec.linux.seccomp)
        and REAPER not in spec.annotations
        and _code() is not None
    )


def _loses_capabilities(process: Process) -> bool:
    if process.user.uid == 0 and not process.user.username:
        return False
    sets = process.capabilities
    return sets is None or not set(sets.permitted) <= set(sets.ambient)


def _allows_execveat(filter: Seccomp | None) -> bool:
    """In any case, whatever its arguments are."""
    if filter is None:
        return True
    rules = [rule for rule in filter.syscalls if "execveat" in rule.names]
    actions = {rule.action for rule in rules}
    if not rules or any(rule.args for rule in rules):
        actions.add(filter.default_action)
    return actions <= _PASSES
