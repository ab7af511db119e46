"""A time namespace with its offsets (time_namespaces(7))."""

from __future__ import annotations

import os

from corral.linux import namespace as ns
from corral.runtime.init import procfs
from corral.runtime.init.failure import described

__all__ = ["enter"]


def enter(offsets: str) -> None:
    """Make one and enter it; a clone could not, since its offsets are fixed when the first process is inside.

    ``offsets``: a line for each clock, "monotonic SECONDS NANOSECONDS". Through the host's procfs. Raises SetupError.
    """
    try:
        ns.unshare(ns.CLONE_NEWTIME)
        procfs.write("self/timens_offsets", offsets)
        fd = os.open("/proc/self/ns/time_for_children", os.O_RDONLY | os.O_CLOEXEC)
        ns.setns(fd, ns.CLONE_NEWTIME)
        os.close(fd)
    except OSError as error:
        raise described("setting up the time namespace", error) from error
