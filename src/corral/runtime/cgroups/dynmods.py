"""Making it cheap to move processes between groups of version 1.

Writing to cgroup.procs takes a lock against all forks of the machine; the kernel keeps that lock cheap for forks by
making the writer wait for an RCU grace period: 5-15 ms for each container. A hierarchy mounted with "favordynmods"
(Linux 6.0) turns the preference round: a write then takes 0.1 ms. The setting is global, so any hierarchy will do; ours
is a named version 1 hierarchy without controllers that is mounted nowhere and exists as long as the descriptor does.
Version 2 needs none of this where processes are born in their group (CLONE_INTO_CGROUP).
"""

from __future__ import annotations

import os
from typing import Final

from corral.linux import mount
from corral.runtime.cgroups.hierarchies import Hierarchies

__all__ = ["favor_dynmods"]

_NAME: Final = "corral"


def favor_dynmods(hierarchies: Hierarchies) -> int | None:
    """Switch it on. Returns a descriptor to hold for as long as it is wanted; None where not needed or not possible.

    Processes see the hierarchy in /proc/PID/cgroup as "name=corral". Later kernels (6.18) never switch back; on those,
    closing the descriptor at once loses nothing.
    """
    if not hierarchies.v1:
        return None
    try:
        context = mount.fsopen("cgroup")
        try:
            mount.fsconfig(context, mount.FSCONFIG_SET_FLAG, "none")
            mount.fsconfig(context, mount.FSCONFIG_SET_STRING, "name", _NAME)
            mount.fsconfig(context, mount.FSCONFIG_SET_FLAG, "favordynmods")
            mount.fsconfig(context, mount.FSCONFIG_CMD_CREATE)
            return mount.fsmount(context)
        finally:
            os.close(context)
    except OSError:
        return None
