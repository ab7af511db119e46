"""The root filesystem of a container with a user namespace of its own, as a detached tree.

Owners on the disk are those inside; they are mapped on the way. An overlay takes its layers' owners as it sees them, so
that each layer is mapped by itself, before (Linux 5.19), and who mounts it must be somebody on the mapped disk, too.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from corral.linux import mount as m
from corral.linux.libc import AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE
from corral.oci.idmaps import IDMaps
from corral.oci.rootfs import RootfsMount
from corral.runtime.init import idmap, rootfs
from corral.runtime.init.failure import SetupError, reason
from corral.runtime.init.tree import clone_tree
from corral.runtime.security import capabilities

__all__ = ["inner_root", "make"]

_LAYER: Final = "lowerdir"
_OWN: Final = ("upperdir", "workdir")


def make(mounts: tuple[RootfsMount, ...], target: str, owner: int, maps: IDMaps) -> int:
    """``target``: any directory; ``owner``: the user namespace. The caller's mount namespace is its own.

    Raises SetupError.
    """
    try:
        # Before anything covers the target, which may be what is bound.
        bound = [_bound(mount) if mount.type == "bind" else -1 for mount in mounts]
        m.mount("staging", target, "tmpfs", 0, "mode=700")
        top = f"{target}/root"
        os.mkdir(top)
        for number, mount in enumerate(mounts):
            if mount.type == "bind":
                if mount.mapped:
                    idmap.apply(bound[number], owner, recursive=True)
                m.move_mount(bound[number], "", AT_FDCWD, top, m.MOVE_MOUNT_F_EMPTY_PATH)
                os.close(bound[number])
            elif not mount.mapped:
                os.close(rootfs.mount_root((mount,), top).fd)
            else:
                layered = _with_mapped_layers(mount, f"{target}/{number}", owner)
                with inner_root(maps):
                    os.close(rootfs.mount_root((layered,), top).fd)
        tree = clone_tree(AT_FDCWD, top, recursive=True)
        m.umount2(target, m.MNT_DETACH)
    except OSError as error:
        where = error.filename or target
        raise SetupError(f"error preparing rootfs: mapping owners at {where}: {reason(error)}") from error
    return tree


def _bound(mount: RootfsMount) -> int:
    tree = clone_tree(AT_FDCWD, os.path.join(mount.base, mount.source), recursive="rbind" in mount.options)
    attributes = m.MOUNT_ATTR_RDONLY if "ro" in mount.options else 0
    m.mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, attr_set=attributes, propagation=m.MS_PRIVATE)
    return tree


@contextmanager
def inner_root(maps: IDMaps) -> Iterator[None]:
    """The overlay works with the ids and powers of who mounts it: the inner root's, or nothing could be made in an
    upper layer that has only mapped owners; the host's, to be allowed to."""
    uid, gid = maps.root
    os.setresgid(-1, gid, -1)
    os.setresuid(-1, uid, -1)
    capabilities.raise_effective()
    try:
        yield
    finally:
        os.setresuid(-1, 0, -1)
        os.setresgid(-1, 0, -1)


def _with_mapped_layers(mount: RootfsMount, staging: str, owner: int) -> RootfsMount:
    """The same overlay of layers that are attached, mapped, in ``staging``."""
    os.mkdir(staging)
    options = []
    own = ""
    count = 0
    for option in mount.options:
        key, assigned, value = option.partition("=")
        if key == _LAYER:
            names = []
            for layer in value.split(":"):
                names.append(str(count))
                _attach(os.path.join(mount.base, layer), f"{staging}/{count}", owner)
                count += 1
            option = f"{_LAYER}={':'.join(names)}"
        elif assigned and key in _OWN:
            # Both must be on the same mount.
            parent, name = os.path.split(os.path.join(mount.base, value))
            if own and own != parent:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), parent)
            if not own:
                own = parent
                _attach(parent, f"{staging}/own", owner)
            option = f"{key}=own/{name}"
        options.append(option)
    return replace(mount, options=tuple(options), base=staging)


def _attach(path: str, at: str, owner: int) -> None:
    tree = clone_tree(AT_FDCWD, path, recursive=False)
    try:
        try:
            idmap.apply(tree, owner, recursive=False)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from error
        os.mkdir(at)
        m.move_mount(tree, "", AT_FDCWD, at, m.MOVE_MOUNT_F_EMPTY_PATH)
    finally:
        os.close(tree)
