"""Version 2: handing controllers down the path from the root to a container's group.

A controller's files exist in a group only when every group above it lists the controller in cgroup.subtree_control
(cgroups(7)). A group other than the real root that does so cannot have processes of its own ("no internal
processes"), which matters when the engine itself runs in a container: the root that it sees is such a group, and the
engine sits in it. Its processes are then moved into a child group, as nested engines commonly do.
"""

from __future__ import annotations

import errno
import os
from typing import Final

from corral.runtime.cgroups.directory import make_directory
from corral.runtime.cgroups.hierarchies import Hierarchy
from corral.runtime.cgroups.write import read_text, write_text

__all__ = ["LEAF", "enable_controllers"]

LEAF: Final = "init"
"""Name of the child that takes the processes of a root which is not the real one."""


def enable_controllers(hierarchy: Hierarchy, path: str, controllers: tuple[str, ...]) -> list[str]:
    """Enable ``controllers`` in every group above that of ``path``, making those groups. Returns warnings.

    A controller that a group above does not offer, or refuses, is a warning. Raises OSError otherwise.
    """
    warnings: list[str] = []
    if not controllers:
        return warnings
    above = path.strip("/").split("/")[:-1]
    directory = hierarchy.mount_point
    for index in range(len(above) + 1):
        if index:
            directory = f"{directory}/{above[index - 1]}"
            make_directory(hierarchy, "/".join(above[:index]))
        if not controllers:
            continue
        enabled = read_text(f"{directory}/cgroup.subtree_control").split()
        for controller in [c for c in controllers if c not in enabled]:
            if (problem := _enable(directory, controller, is_root=index == 0)) is not None:
                controllers = tuple(c for c in controllers if c != controller)
                warnings.append(problem)
    return warnings


def _enable(directory: str, controller: str, *, is_root: bool) -> str | None:
    """Returns what is wrong, None when it is enabled."""
    file = f"{directory}/cgroup.subtree_control"
    try:
        try:
            write_text(file, f"+{controller}")
        except OSError as error:
            if error.errno != errno.EBUSY or not is_root:
                raise
            _vacate(directory)
            write_text(file, f"+{controller}")
    except OSError as error:
        return f'cgroup controller "{controller}" cannot be enabled in {directory}: {os.strerror(error.errno or 0)}'
    return None


def _vacate(root: str) -> None:
    """Move the processes of a root that is not the real one into its child ``LEAF``."""
    leaf = f"{root}/{LEAF}"
    os.makedirs(leaf, exist_ok=True)
    for _ in range(5):
        pids = read_text(f"{root}/cgroup.procs").split()
        if not pids:
            return
        for pid in pids:
            try:
                write_text(f"{leaf}/cgroup.procs", pid)
            except OSError as error:
                if error.errno != errno.ESRCH:
                    raise
