"""Ranges of ids that are given to one container each, and come back when it is removed.

What is taken is known from the containers' records; only what is promised to a container that has no record yet is
remembered here. Users and groups have the same ranges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from corral.engine.userns import subids
from corral.engine.userns.subids import SubRange
from corral.errors import Unavailable
from corral.oci.idmaps import IDMaps
from corral.oci.runtime import IDMapping

__all__ = ["USER", "IDPool", "available", "subtract"]

USER: Final = "containers"
"""Whose ranges are used when it has any, as Podman does."""

_CONTAINERS: Final = SubRange("", 0x80000, 0x6FFF0000 - 0x80000)
"""What systemd sets aside for containers ("Users, Groups, UIDs and GIDs on systemd Systems")."""

Range = tuple[int, int]
"""First id, and the first one behind."""


class IDPool:
    def __init__(
        self, maps: Callable[[], Iterable[IDMaps]], ranges: Callable[[], Sequence[Range]] | None = None
    ) -> None:
        """``maps``: those of all containers; ``ranges``: what may be given out, read when it is needed."""
        self._maps = maps
        self._ranges = ranges or host_ranges
        self._promised: set[Range] = set()

    def take(self, size: int) -> Range:
        """Promised until ``settle``. Raises Unavailable."""
        taken = {*self._promised, *(range for maps in self._maps() for range in _host(maps))}
        for start, end in subtract(self._ranges(), taken):
            if end - start >= size:
                found = (start, start + size)
                self._promised.add(found)
                return found
        raise Unavailable(f"could not find enough available IDs: {size} in one range")

    def settle(self, range: Range) -> None:
        """It is in a record now, or nobody wants it any more. Idempotent."""
        self._promised.discard(range)


def _host(maps: IDMaps) -> Iterable[Range]:
    one: IDMapping
    for one in (*maps.uids, *maps.gids):
        yield one.host_id, one.host_id + one.size


def host_ranges() -> list[Range]:
    """Of this host. Raises Invalid."""
    return available(subids.read(subids.SUBUID), subids.read(subids.SUBGID))


def available(uids: Sequence[SubRange], gids: Sequence[SubRange]) -> list[Range]:
    """What ``USER`` has as users and as groups; or else what is set aside for containers and is nobody's."""
    own_uids, own_gids = subids.ranges_of(uids, USER, None), subids.ranges_of(gids, USER, None)
    if own_uids and own_gids:
        return sorted(
            (max(one.start, other.start), min(one.end, other.end))
            for one in own_uids
            for other in own_gids
            if max(one.start, other.start) < min(one.end, other.end)
        )
    return subtract([(_CONTAINERS.start, _CONTAINERS.end)], {(one.start, one.end) for one in (*uids, *gids)})


def subtract(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """What is left, ascending."""
    left = sorted(ranges)
    for first, behind in sorted(taken):
        rest = []
        for start, end in left:
            rest += [(start, min(end, first))] if start < first else []
            rest += [(max(start, behind), end)] if behind < end else []
        left = rest
    return left
