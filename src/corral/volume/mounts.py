"""From what a client asks for to what is mounted: the plan of a container, and its two translations.

::

    planned = plan(binds=host_config.binds, mounts=..., tmpfs=..., volumes=config.volumes, volumes_from=[...])
    resolved = await volume_service.resolve(container_id, planned)      # recorded with the container
    oci_mounts(resolved)                                                # at each start
    mount_points(resolved)                                              # for inspect

Who wins for one destination: --volumes-from gives way to everything else, VOLUME to everything but that;
the others must not collide.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from corral.api.types.mount import Mount, MountPoint
from corral.errors import Invalid
from corral.oci import runtime as oci
from corral.oci.idmaps import IDMaps
from corral.volume import parse, tmpfs
from corral.volume.mount import ContainerMount

__all__ = ["COPY_UP", "mount_points", "oci_mounts", "plan"]

COPY_UP = "x-corral.copy-up"
"""Mount option: before mounting, container init copies what the image has at the destination into the source, if that
is an empty directory; with ownership, modes, times and extended attributes."""


def plan(
    *,
    binds: Sequence[str] = (),
    mounts: Sequence[Mount] = (),
    tmpfs: Mapping[str, str] | None = None,
    volumes: Iterable[str] = (),
    volumes_from: Sequence[tuple[Sequence[ContainerMount], bool]] = (),
    volume_driver: str = "",
) -> tuple[ContainerMount, ...]:
    """``volumes``: destinations of VOLUME and of -v without a source; ``volumes_from``: each container's resolved
    mounts, and whether they become read-only.

    Raises Invalid with Docker's wording.
    """
    chosen: dict[str, ContainerMount] = {}
    asked = [
        *(parse.bind(text, volume_driver) for text in binds),
        *(parse.mount(wanted, volume_driver) for wanted in mounts),
        *(parse.tmpfs_mount(target, options) for target, options in (tmpfs or {}).items()),
    ]
    for mount in asked:
        if mount.destination in chosen:
            raise Invalid(f"Duplicate mount point: {mount.destination}")
        chosen[mount.destination] = mount
    for inherited, read_only in volumes_from:
        for mount in inherited:
            if mount.shown and mount.type != "tmpfs":
                # The volume was filled for its first user; a bind's source must have been made by then.
                mount = dataclasses.replace(mount, read_only=mount.read_only or read_only, no_copy=True)
                chosen.setdefault(mount.destination, mount)
    for target in volumes:
        mount = parse.image_volume(target, volume_driver)
        chosen.setdefault(mount.destination, mount)
    return tuple(chosen.values())


def oci_mounts(
    mounts: Iterable[ContainerMount], *, first_start: bool = False, mapped: Mapping[str, IDMaps] | None = None
) -> tuple[oci.Mount, ...]:
    """Outer destinations before inner ones. Only at a container's ``first_start`` are empty volumes filled.

    ``mapped``: how the owners at a destination are seen.
    """
    ordered = sorted(mounts, key=lambda mount: (mount.destination.count("/"), mount.destination))
    if not mapped:
        return tuple(_oci_mount(mount, first_start) for mount in ordered)
    return tuple(_oci_mount(mount, first_start, mapped.get(mount.destination)) for mount in ordered)


def _oci_mount(mount: ContainerMount, first_start: bool, maps: IDMaps | None = None) -> oci.Mount:
    if mount.type == "tmpfs":
        return oci.Mount(mount.destination, "tmpfs", "tmpfs", tmpfs.merge(mount.tmpfs_options))
    options = ["bind" if mount.non_recursive else "rbind"]
    if mount.read_only:
        options.append("ro")
        if not mount.non_recursive and mount.recursive_read_only != "no":
            options.append("rro")
    options.append(mount.propagation or "rprivate")
    if first_start and mount.type == "volume" and not mount.no_copy and not mount.subpath:
        options.append(COPY_UP)
    uids, gids = (maps.uids, maps.gids) if maps is not None else ((), ())
    return oci.Mount(mount.destination, "bind", mount.source, tuple(options), uids, gids)


def mount_points(mounts: Iterable[ContainerMount]) -> list[MountPoint]:
    """What inspect shows."""
    points = []
    for mount in mounts:
        if not mount.shown:
            continue
        point = MountPoint(
            type=mount.type,
            source=mount.source,
            destination=mount.destination,
            mode=mount.mode,
            rw=not mount.read_only,
            propagation=(mount.propagation or "rprivate") if mount.type == "bind" else "",
        )
        if mount.type == "volume":
            point.name, point.driver = mount.name, mount.driver
        points.append(point)
    return points
