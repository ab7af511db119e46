"""Owners that are seen through maps, of the root and of binds: done for the runtime, since not every one can.

Like the root itself it is mounted in the mount namespace of the runtime's ``create`` only. Raises SetupError, OSError.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from corral.linux import mount as m
from corral.linux import user_namespace
from corral.linux.libc import AT_FDCWD
from corral.oci.idmaps import IDMaps
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Mount, Spec
from corral.runtime.external.workspace import Workspace
from corral.runtime.init import mapped_root
from corral.runtime.init import rootfs as roots
from corral.runtime.init.inside import Root
from corral.runtime.init.mounts import Kind, MountPlan

_OPTIONS: Final = frozenset({"idmap", "ridmap"})


def mount_root(spec: Spec, mounts: tuple[RootfsMount, ...], target: str) -> Root:
    if not any(mount.mapped for mount in mounts):
        return roots.mount_root(mounts, target)
    maps = IDMaps.of(spec.linux.uid_mappings, spec.linux.gid_mappings)
    with _user_namespace(spec, maps) as owner:
        return roots.attach_root(mapped_root.make(mounts, target, owner, maps), target)


def attach(workspace: Workspace, mount: Mount, plan: MountPlan) -> Mount:
    """The bind of a mapped copy of its source, or ``mount`` itself when it is nothing of that kind."""
    if plan.kind != Kind.BIND or plan.maps is None:
        return mount
    tree = roots.open_source(plan, whole=True)
    roots.map_owners(plan, tree)
    place = workspace.mapped(len(os.listdir(workspace.binds)), directory=os.path.isdir(plan.source))
    m.move_mount(tree, "", AT_FDCWD, place, m.MOVE_MOUNT_F_EMPTY_PATH)
    os.close(tree)
    options = tuple(option for option in mount.options if option not in _OPTIONS)
    return replace(mount, source=place, options=options, uid_mappings=(), gid_mappings=())


@contextmanager
def _user_namespace(spec: Spec, maps: IDMaps) -> Iterator[int]:
    """The container's when it is there already, or one with the same maps."""
    path = next((namespace.path for namespace in spec.linux.namespaces if namespace.type == "user"), "")
    if path:
        owner = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    else:
        owner = user_namespace.make(maps.uid_text, maps.gid_text)
    try:
        yield owner
    finally:
        os.close(owner)
