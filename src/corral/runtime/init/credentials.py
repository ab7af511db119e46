"""Becoming the user: groups, ids, capabilities; and the standard streams that must follow.

The order is that of capabilities(7): the bounding set while CAP_SETPCAP is effective; ids with PR_SET_KEEPCAPS, so that
the permitted set survives; the five sets last, when nothing is left to do that needs more.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Final

from corral.linux import prctl
from corral.oci.runtime import Process
from corral.runtime.init.failure import SetupError, described
from corral.runtime.init.inside import Root
from corral.runtime.init.user import Identity
from corral.runtime.security import capabilities

capabilities.inherited_bounding_set()  # asked once, in the supervisor

__all__ = ["become", "give_streams", "reopen_null"]

_NULL: Final = os.makedev(1, 3)


def give_streams(uid: int) -> None:
    """Make the user owner of its stdin, stdout and stderr, so that it can open /dev/stdout again. The null device is
    everybody's already; read-only file systems and other exotic streams stay as they are."""
    for fd in range(3):
        status = os.fstat(fd)
        if status.st_uid == uid or (stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL):
            continue
        with contextlib.suppress(OSError):
            os.fchown(fd, uid, -1)


def reopen_null(root: Root) -> None:
    """Replace streams that are the host's null device by the container's: whoever may change the mode of what it has
    open, such as the container's root, would change it for the host."""
    for fd in range(3):
        status = os.fstat(fd)
        if not stat.S_ISCHR(status.st_mode) or status.st_rdev != _NULL:
            continue
        null = root.open("dev/null", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        status = os.fstat(null)
        if not stat.S_ISCHR(status.st_mode) or status.st_rdev != _NULL:
            raise SetupError("/dev/null in the container is not the null device")
        os.set_blocking(null, True)
        os.dup2(null, fd)
        os.close(null)


def become(process: Process, identity: Identity) -> None:
    """Ids, groups, bounding set. The permitted set is still full: ``capabilities.apply`` comes last."""
    try:
        if process.capabilities is not None:
            capabilities.apply_bounding(process.capabilities)
        prctl.set_keepcaps(True)
        os.setgroups(identity.groups)
        os.setresgid(identity.gid, identity.gid, identity.gid)
        os.setresuid(identity.uid, identity.uid, identity.uid)
        prctl.set_keepcaps(False)
    except OSError as error:
        raise described(f"setting up user {identity.uid}:{identity.gid}", error) from error
