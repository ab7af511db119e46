"""Maps of user and group ids: of a user namespace, or of a mount whose files' owners are seen through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from corral.errors import Invalid
from corral.oci.runtime import IDMapping, Mount

if TYPE_CHECKING:  # the supervisor imports this module without it
    from pathlib import Path

__all__ = ["IDMaps", "Owner"]

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
class Owner:
    """A user namespace to be made and pinned at ``path``, or without ``maps`` one that is there already."""

    path: Path
    maps: IDMaps | None


def _text(ranges: Sequence[IDMapping]) -> str:
    return "".join(f"{one.container_id} {one.host_id} {one.size}\n" for one in ranges)


def _outside(ranges: Sequence[IDMapping], id: int, what: str) -> int:
    for one in ranges:
        if one.container_id <= id < one.container_id + one.size:
            return one.host_id + id - one.container_id
    raise Invalid(f"{what} {id} of the container is not mapped")
