"""Joining version 1 cgroups. Version 2 is where the process was born (CLONE_INTO_CGROUP)."""

from __future__ import annotations

import os
from typing import Final

from corral.runtime.init.failure import described

__all__ = ["join", "join_v2"]

_PROCS: Final = "cgroup.procs"
_TASKS: Final = "tasks"


def join(procs_files: list[str]) -> None:
    """Each is the ``cgroup.procs`` of a version 1 cgroup, or the ``tasks`` of a group of another kind.

    Written is ``tasks`` beside it: for the one thread that we are it is the same, but since Linux 5.5 a thread that
    moves itself takes no lock that waits for an RCU grace period (kernel/cgroup/cgroup.c: cgroup_procs_write_start).
    """
    for path in procs_files:
        _join(path.replace(_PROCS, _TASKS))


def join_v2(directory: str) -> None:
    """The rare process that had something to do before. Raises SetupError."""
    _join(f"{directory}/{_PROCS}")


def _join(path: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, b"0")
        finally:
            os.close(fd)
    except OSError as error:
        raise described(f"failed to write to {path}", error) from error
