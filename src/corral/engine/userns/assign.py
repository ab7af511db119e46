"""The maps of a new container: its own, the daemon's, those of whom it shares namespaces with, or none."""

from __future__ import annotations

from collections.abc import Collection

from corral.api.types.host_config import HostConfig
from corral.engine.container.record import ContainerRecord
from corral.engine.userns.mode import DEFAULT_SIZE, Auto, KeepID, parse
from corral.engine.userns.pool import IDPool, Range
from corral.errors import Invalid
from corral.oci.idmaps import IDMaps
from corral.oci.runtime import IDMapping

__all__ = ["assign", "kept", "range_of"]


def assign(
    host_config: HostConfig, remap: IDMaps | None, donors: Collection[ContainerRecord], pool: IDPool
) -> tuple[IDMaps | None, Range | None]:
    """``remap``: the daemon's; ``donors``: whose namespaces are joined, and so must be their user namespace.

    Returns maps and the range of ``pool`` that they are made of, which the caller settles. Raises Invalid, Unavailable.
    """
    wanted = parse(host_config.userns_mode)
    if wanted is None:
        if host_config.userns_mode == "host":
            return None, None
        return (_shared(donors) if donors else remap), None
    if donors:
        mode = host_config.userns_mode
        raise Invalid(f"conflicting options: user namespace mode {mode} and another container's namespaces")
    range = pool.take(range_of(wanted))
    if isinstance(wanted, Auto):
        mapping = (IDMapping(0, range[0], wanted.size),)
        return IDMaps.of(mapping, mapping), range
    return kept(wanted, range[0]), range


def range_of(wanted: Auto | KeepID) -> int:
    """How many ids it takes."""
    return wanted.size if isinstance(wanted, Auto) else DEFAULT_SIZE


def kept(wanted: KeepID, start: int) -> IDMaps:
    return IDMaps.of(_around(wanted.uid, wanted.host_uid, start), _around(wanted.gid, wanted.host_gid, start))


def _around(own: int, host: int, start: int) -> tuple[IDMapping, ...]:
    """One id that is the host's; below and above it those from ``start`` on."""
    parts = (
        IDMapping(0, start, min(own, DEFAULT_SIZE)),
        IDMapping(own, host, 1),
        IDMapping(own + 1, start + own, DEFAULT_SIZE - own - 1),
    )
    return tuple(part for part in parts if part.size > 0)


def _shared(donors: Collection[ContainerRecord]) -> IDMaps | None:
    """A namespace can be used only within the user namespace that owns it."""
    first, *others = donors
    for other in others:
        if other.id != first.id and (first.id_maps is not None or other.id_maps is not None):
            raise Invalid(
                f"conflicting options: containers {first.name} and {other.name} have different user namespaces"
            )
    return first.id_maps
