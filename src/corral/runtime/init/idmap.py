"""Maps of a user namespace, and mounts whose files' owners are seen through such maps (mount_setattr(2), "ID-mapped
mounts"). Pure but for ``apply``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from corral.errors import Invalid
from corral.linux import mount as m
from corral.linux.libc import AT_EMPTY_PATH, AT_RECURSIVE
from corral.oci.runtime import IDMapping, Mount

__all__ = ["IDMaps", "UserPlan", "apply"]

_MOST_RANGES: Final = 340
_INVALID: Final = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class IDMaps:
    """Inside, or on the disk: ``container_id``; outside, or as seen through a mount: ``host_id``."""

    uids: tuple[IDMapping, ...]
    gids: tuple[IDMapping, ...]

    @classmethod
    def of(cls, uids: Sequence[IDMapping], gids: Sequence[IDMapping]) -> IDMaps:
        """Raises Invalid."""
        for name, ranges in (("uidMappings", uids), ("gidMappings", gids)):
            if not ranges:
                raise Invalid(f"{name}: no mapping is given")
            if len(ranges) > _MOST_RANGES:
                raise Invalid(f"{name}: more than {_MOST_RANGES} ranges")
            for one in ranges:
                last = max(one.container_id, one.host_id) + one.size - 1
                if one.size <= 0 or one.container_id < 0 or one.host_id < 0 or last >= _INVALID:
                    raise Invalid(f"{name}: invalid range {one.container_id}:{one.host_id}:{one.size}")
        return cls(tuple(uids), tuple(gids))

    @classmethod
    def of_mount(cls, mount: Mount, uids: Sequence[IDMapping], gids: Sequence[IDMapping]) -> IDMaps:
        """Its own, or the container's. Raises Invalid when there are none."""
        if not mount.uid_mappings and not uids:
            raise Invalid(f"mount {mount.destination}: idmap needs a user namespace, or mappings of its own")
        return cls.of(mount.uid_mappings or uids, mount.gid_mappings or gids)

    @property
    def uid_text(self) -> str:
        """As /proc/PID/uid_map takes it."""
        return _text(self.uids)

    @property
    def gid_text(self) -> str:
        return _text(self.gids)

    @property
    def root(self) -> tuple[int, int]:
        """User and group of the inner root, outside. Raises Invalid when it is nobody."""
        return self.host_uid(0), self.host_gid(0)

    def host_uid(self, uid: int) -> int:
        return _outside(self.uids, uid, "user")

    def host_gid(self, gid: int) -> int:
        return _outside(self.gids, gid, "group")

    def has_gid(self, gid: int) -> bool:
        return any(one.container_id <= gid < one.container_id + one.size for one in self.gids)


@dataclass(frozen=True, slots=True)
class UserPlan:
    """``path`` of the user namespace to be joined, "" for a new one; ``maps`` None: whatever that one has."""

    path: str
    maps: IDMaps | None


def _text(ranges: Sequence[IDMapping]) -> str:
    return "".join(f"{one.container_id} {one.host_id} {one.size}\n" for one in ranges)


def _outside(ranges: Sequence[IDMapping], id: int, what: str) -> int:
    for one in ranges:
        if one.container_id <= id < one.container_id + one.size:
            return one.host_id + id - one.container_id
    raise Invalid(f"{what} {id} of the container is not mapped")


def apply(tree: int, user_namespace: int, *, recursive: bool) -> None:
    """To a detached tree: the owners of its files are seen through the maps of ``user_namespace``.

    Raises OSError: EINVAL where the file system does not have it, EPERM for a tree that is mapped already.
    """
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    m.mount_setattr(tree, "", flags, attr_set=m.MOUNT_ATTR_IDMAP, userns_fd=user_namespace)
