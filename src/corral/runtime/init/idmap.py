"""The user namespace of a plan, and mounts whose files' owners are seen through one (mount_setattr(2), "ID-mapped
mounts")."""

from __future__ import annotations

from dataclasses import dataclass

from corral.linux import mount as m
from corral.linux.libc import AT_EMPTY_PATH, AT_RECURSIVE
from corral.oci.idmaps import IDMaps

__all__ = ["UserPlan", "apply"]


@dataclass(frozen=True, slots=True)
class UserPlan:
    """``path`` of the user namespace to be joined, "" for a new one; ``maps`` None: whatever that one has."""

    path: str
    maps: IDMaps | None


def apply(tree: int, user_namespace: int, *, recursive: bool) -> None:
    """To a detached tree: the owners of its files are seen through the maps of ``user_namespace``.

    Raises OSError: EINVAL where the file system does not have it, EPERM for a tree that is mapped already.
    """
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    m.mount_setattr(tree, "", flags, attr_set=m.MOUNT_ATTR_IDMAP, userns_fd=user_namespace)
