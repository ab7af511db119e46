"""Making the directory of a group, in either version, and what a new one needs before a process can enter it."""

from __future__ import annotations

import os

from corral.runtime.cgroups import cpuset
from corral.runtime.cgroups.hierarchies import Hierarchy
from corral.runtime.cgroups.plan import directory_of
from corral.runtime.cgroups.write import apply, read_text

__all__ = ["make_directory"]


def make_directory(hierarchy: Hierarchy, path: str) -> bool:
    """Make the group of ``path`` with the groups above it, in either version. False when it was there already.

    Groups of a cpuset hierarchy take processors and memory nodes over from their parent. Raises OSError.
    """
    directory = directory_of(hierarchy, path)
    try:
        os.mkdir(directory, 0o755)
    except FileExistsError:
        return False
    except FileNotFoundError:
        parent = path.rpartition("/")[0]
        if not parent.strip("/"):
            raise
        make_directory(hierarchy, parent)
        return make_directory(hierarchy, path)
    if "cpuset" in hierarchy.controllers and hierarchy.version == 1:
        _inherit_cpuset(directory)
    return True


def _inherit_cpuset(directory: str) -> None:
    parent = os.path.dirname(directory)
    cpus, mems = (read_text(f"{parent}/cpuset.{name}") for name in ("cpus", "mems"))
    apply(directory, cpuset.inherit(cpus, mems))
