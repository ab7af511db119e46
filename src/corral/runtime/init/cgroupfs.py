"""/sys/fs/cgroup as the container sees it: its own cgroups, never the host's tree unless it has no cgroup namespace."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from typing import Final

from corral.linux import mount as m
from corral.linux.fd import path_of
from corral.linux.libc import AT_EMPTY_PATH, AT_FDCWD
from corral.runtime.init.inside import Root
from corral.runtime.init.mounts import MountPlan
from corral.runtime.init.tree import attach, clone_tree

__all__ = ["Place", "controllers_of", "delegate", "mount_cgroups"]

_PROCS: Final = "/cgroup.procs"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the container's cgroup is: ``path`` below each mount point, with a leading slash; the ``cgroup.procs``
    files of version 1; a descriptor of the version 2 directory."""

    path: str
    procs_files: list[str]
    cgroup_fd: int | None


def mount_cgroups(root: Root, plan: MountPlan, place: Place, *, whole: bool) -> None:
    """Show version 1 below a tmpfs, one directory for each hierarchy, or version 2 when there is nothing else.

    ``whole``: the container has no cgroup namespace, and on version 2 must find itself in the whole tree. Raises
    OSError.
    """
    if place.procs_files:
        _mount_hierarchies(root, plan, place)
    elif place.cgroup_fd is not None:
        # By path: before Linux 6.15 a descriptor on a mount of another namespace, the supervisor's, is refused.
        path = os.readlink(path_of(place.cgroup_fd))
        tree = clone_tree(AT_FDCWD, path.removesuffix(place.path) if whole else path, recursive=False)
        _attach(tree, root.ensure(plan.destination, directory=True), plan)


def _mount_hierarchies(root: Root, plan: MountPlan, place: Place) -> None:
    destination = root.ensure(plan.destination, directory=True)
    flags = m.MS_NOSUID | m.MS_NODEV | m.MS_NOEXEC
    m.mount("tmpfs", path_of(destination), "tmpfs", flags, "mode=755")
    os.close(destination)
    top = root.open(plan.destination)
    for point, directory in controllers_of(place):
        name = posixpath.basename(point)
        os.mkdir(name, dir_fd=top)
        _attach(clone_tree(AT_FDCWD, directory, recursive=False), root.open(f"{plan.destination}/{name}"), plan)
        if "," in name:
            for controller in name.split(","):
                os.symlink(name, controller, dir_fd=top)
    if plan.attributes[0] & m.MOUNT_ATTR_RDONLY:
        m.mount_setattr(top, "", AT_EMPTY_PATH, attr_set=m.MOUNT_ATTR_RDONLY)
    os.close(top)


def _attach(tree: int, destination: int, plan: MountPlan) -> None:
    """Closes both."""
    attr_set, attr_clr = plan.attributes
    m.mount_setattr(tree, "", AT_EMPTY_PATH, attr_set=attr_set, attr_clr=attr_clr, propagation=m.MS_PRIVATE)
    attach(tree, destination)
    os.close(destination)
    os.close(tree)


def delegate(place: Place, owner: tuple[int, int]) -> None:
    """Version 2: what the owner of a subtree may write (cgroup-v2.rst, "Delegation"). Version 1 has no such thing."""
    if place.cgroup_fd is None or place.procs_files:
        return
    directory = os.readlink(path_of(place.cgroup_fd))
    os.chown(directory, *owner)
    for name in _delegated():
        try:
            os.chown(f"{directory}/{name}", *owner)
        except FileNotFoundError:
            continue


def _delegated() -> list[str]:
    try:
        with open("/sys/kernel/cgroup/delegate") as file:
            return file.read().split()
    except OSError:
        return ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"]


def controllers_of(place: Place) -> list[tuple[str, str]]:
    """``(mount point of the hierarchy, directory of the container in it)`` for each cgroup.procs file of version 1."""
    result = []
    for path in place.procs_files:
        directory = path.removesuffix(_PROCS)
        result.append((directory.removesuffix(place.path), directory))
    return result
