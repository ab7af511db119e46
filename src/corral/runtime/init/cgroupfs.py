"""/sys/fs/cgroup as the container sees it: its own cgroups, never the host's tree unless it has no cgroup namespace."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from corral.linux import mount as m
from corral.linux.fd import path_of
from corral.linux.libc import AT_EMPTY_PATH, AT_FDCWD

if TYPE_CHECKING:
    from corral.runtime.init.inside import Root
    from corral.runtime.init.mounts import MountPlan

__all__ = ["CgroupView", "Place", "controllers_of"]

_TREE: Final = m.OPEN_TREE_CLONE | m.OPEN_TREE_CLOEXEC
_PROCS: Final = "/cgroup.procs"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the container's cgroup is: ``path`` below each mount point, with a leading slash; the ``cgroup.procs``
    files of version 1; a descriptor of the version 2 directory."""

    path: str
    procs_files: list[str]
    cgroup_fd: int | None


@dataclass(frozen=True, slots=True)
class CgroupView:
    """``trees``: name of the mount point below /sys/fs/cgroup -> detached copy of the container's directory there, for
    version 1; or ``unified``: that of version 2, when there is nothing else. Copies are taken with the host's eyes.
    """

    trees: tuple[tuple[str, int], ...]
    unified: int | None

    @classmethod
    def take(cls, place: Place, *, whole: bool) -> CgroupView:
        """``whole``: the container has no cgroup namespace, and on version 2 must find itself in the whole tree."""
        if place.procs_files:
            return cls(
                tuple(
                    (posixpath.basename(point), m.open_tree(AT_FDCWD, directory, _TREE))
                    for point, directory in controllers_of(place)
                ),
                None,
            )
        if place.cgroup_fd is None:
            return cls((), None)
        # By path: before Linux 6.15 a descriptor on a mount of another namespace, the supervisor's, is refused.
        path = os.readlink(path_of(place.cgroup_fd))
        return cls((), m.open_tree(AT_FDCWD, path.removesuffix(place.path) if whole else path, _TREE))

    def mount(self, root: Root, plan: MountPlan) -> None:
        """Raises OSError."""
        if self.unified is not None:
            self._attach(root, self.unified, plan.destination, plan)
            return
        if not self.trees:
            return
        destination = root.ensure(plan.destination, directory=True)
        flags = m.MS_NOSUID | m.MS_NODEV | m.MS_NOEXEC
        m.mount("tmpfs", path_of(destination), "tmpfs", flags, "mode=755")
        os.close(destination)
        top = root.open(plan.destination)
        for name, tree in self.trees:
            os.mkdir(name, dir_fd=top)
            self._attach(root, tree, f"{plan.destination}/{name}", plan)
            if "," in name:
                for controller in name.split(","):
                    os.symlink(name, controller, dir_fd=top)
        if plan.attributes[0] & m.MOUNT_ATTR_RDONLY:
            m.mount_setattr(top, "", AT_EMPTY_PATH, attr_set=m.MOUNT_ATTR_RDONLY)
        os.close(top)

    def _attach(self, root: Root, tree: int, path: str, plan: MountPlan) -> None:
        attr_set, attr_clr = plan.attributes
        m.mount_setattr(tree, "", AT_EMPTY_PATH, attr_set=attr_set, attr_clr=attr_clr, propagation=m.MS_PRIVATE)
        destination = root.open(path)
        m.move_mount(tree, "", destination, "", m.MOVE_MOUNT_F_EMPTY_PATH | m.MOVE_MOUNT_T_EMPTY_PATH)
        os.close(destination)
        os.close(tree)


def controllers_of(place: Place) -> list[tuple[str, str]]:
    """``(mount point of the hierarchy, directory of the container in it)`` for each cgroup.procs file of version 1."""
    result = []
    for path in place.procs_files:
        directory = path.removesuffix(_PROCS)
        result.append((directory.removesuffix(place.path), directory))
    return result
