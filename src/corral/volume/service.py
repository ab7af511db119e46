"""``VolumeService``: the volumes, who uses them, and what is mounted into each container. The room's only door.

::

    service = VolumeService(data_root, database, emit)
    await service.restore(known=all_container_ids, running=running_ids)
    await service.attach(container_id, mounts.plan(...))              # at create: volumes are made, mounts recorded
    oci = await service.mount(container_id, first_start=True)         # at each start
    await service.unmount(container_id)                               # after each run
    await service.detach(container_id, anonymous=True)                # at rm -v
"""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Final

from corral.api.types.mount import MountPoint
from corral.api.types.volume import Volume, VolumeListResponse, VolumesPruneReport, VolumeUsage
from corral.errors import Conflict, CorralError, Invalid, NotFound
from corral.linux.idmap import supported
from corral.oci import runtime as oci
from corral.oci.idmaps import IDMaps
from corral.store.database import Database
from corral.store.layout import DataRoot
from corral.volume import idmap, mounts, usage, view
from corral.volume.driver import Driver
from corral.volume.local import LocalDriver
from corral.volume.mount import ContainerMount
from corral.volume.records import VolumeRecord, VolumeRecords
from corral.volume.subpath import resolve as resolve_subpath
from corral.volume.view import ANONYMOUS

__all__ = ["Emit", "VolumeService"]

Emit = Callable[[str, str, dict[str, str]], None]
"""Action, volume name, attributes."""

_LOCAL: Final = "local"


class VolumeService:
    def __init__(self, data_root: DataRoot, database: Database, emit: Emit) -> None:
        self._emit = emit
        self._records = VolumeRecords(database)
        self._local = LocalDriver(data_root)
        self._drivers: dict[str, Driver] = {_LOCAL: self._local}

    async def restore(self, known: Collection[str], running: Collection[str]) -> None:
        """After a daemon's start: forgets the mounts of containers that are not known any more."""
        self._records.detach([container for container in self._records.mounts if container not in known])
        for record in self._records.volumes.values():
            users = [user for user in self._records.users(record.name) if user in running]
            await self._drivers[record.driver].restore(record.name, users, record.options)

    async def close(self) -> None:
        await self._local.close()

    # --- volumes

    async def create(
        self,
        name: str = "",
        driver: str = "",
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Volume:
        """Makes it, or finds it if there is one of that name and driver. Raises Invalid, NotFound, Conflict."""
        record, fresh = await self._ensure(name, driver, options, labels)
        if fresh:
            try:
                await self._records.put(record)
            except BaseException:
                await self._forget(record)
                raise
            self._emit("create", record.name, {"driver": record.driver})
        return self._show(record)

    def inspect(self, name: str) -> Volume:
        """Raises NotFound."""
        return self._show(self._find(name))

    def list(self, filters: Mapping[str, Sequence[str]] | None = None) -> VolumeListResponse:
        """Raises Invalid for filters that there are not."""
        view.check(filters or {}, view.LIST_FILTERS)
        found = [
            self._show(record)
            for record in sorted(self._records.volumes.values(), key=lambda record: record.name)
            if view.matches(record, bool(self._records.users(record.name)), filters or {})
        ]
        return VolumeListResponse(volumes=found)

    async def usage(self) -> tuple[Volume, ...]:
        """All volumes with their sizes, for ``system df``; file trees are counted in a thread."""
        records = tuple(self._records.volumes.values())
        return tuple([self._show(record, await self._usage(record)) for record in records])

    async def remove(self, name: str, *, force: bool = False) -> None:
        """Raises NotFound (not with ``force``), Conflict when containers refer to it."""
        record = self._records.volumes.get(name)
        if record is None:
            if force:
                return
            raise NotFound(f"get {name}: no such volume", code="no_such_volume")
        if users := self._records.users(name):
            raise Conflict(f"remove {name}: volume is in use - [{', '.join(users)}]", code="volume_in_use")
        await self._records.delete(name)
        await self._drivers[record.driver].remove(name)
        self._emit("destroy", name, {"driver": record.driver})

    async def prune(self, filters: Mapping[str, Sequence[str]] | None = None) -> VolumesPruneReport:
        """Removes what no container refers to: anonymous volumes, or all. Raises Invalid."""
        view.check(filters or {}, view.PRUNE_FILTERS)
        unused = [
            record
            for record in self._records.volumes.values()
            if view.matches_prune(record, filters or {}) and not self._records.users(record.name)
        ]
        report = VolumesPruneReport(volumes_deleted=[])
        for record in unused:
            size = (await self._usage(record)).size
            if self._records.users(record.name):  # somebody was faster
                continue
            await self.remove(record.name, force=True)
            report.volumes_deleted = [*(report.volumes_deleted or []), record.name]
            report.space_reclaimed += max(size, 0)
        self._emit("prune", "", {"reclaimed": str(report.space_reclaimed)})
        return report

    # --- containers

    async def attach(self, container_id: str, planned: Sequence[ContainerMount]) -> tuple[ContainerMount, ...]:
        """Makes the volumes that are missing and records what the container has mounted.

        Raises Invalid with Docker's wording, also for binds whose source must exist and does not; then no volume is
        left that was made for it.
        """
        if not planned:
            return ()
        for mount in planned:
            if mount.type == "bind" and not mount.create_source and not os.path.lexists(mount.source):
                missing = f"bind source path does not exist: {mount.source}"
                raise Invalid(f'invalid mount config for type "bind": {missing}')
        resolved: list[ContainerMount] = []
        fresh: list[VolumeRecord] = []
        async with AsyncExitStack() as undo:
            for mount in planned:
                if mount.type != "volume":
                    resolved.append(mount)
                    continue
                labels = dict(mount.labels) if mount.name else {ANONYMOUS: "", **mount.labels}
                record, is_fresh = await self._ensure(mount.name, mount.driver, mount.options, labels or None)
                if is_fresh:
                    fresh.append(record)
                    undo.push_async_callback(self._forget, record)
                source = self._drivers[record.driver].path(record.name)
                resolved.append(replace(mount, name=record.name, driver=record.driver, source=source))
            self._records.attach(container_id, resolved, fresh)
            undo.pop_all()
        for record in fresh:
            self._emit("create", record.name, {"driver": record.driver})
        return tuple(resolved)

    def mounts_of(self, container_id: str) -> tuple[ContainerMount, ...]:
        return self._records.mounts.get(container_id, ())

    def mount_points(self, container_id: str) -> tuple[MountPoint, ...]:
        """What inspect shows."""
        return tuple(mounts.mount_points(self.mounts_of(container_id)))

    async def mount(self, container_id: str, *, first_start: bool, maps: IDMaps | None = None) -> tuple[oci.Mount, ...]:
        """Makes everything available that the container mounts; all or nothing. ``maps``: of its user namespace.

        Raises Invalid when the source of a bind is gone, Internal when a driver fails.
        """
        ready: list[ContainerMount] = []
        async with AsyncExitStack() as undo:
            for mount in self.mounts_of(container_id):
                if mount.type == "bind":
                    _prepare_bind(mount)
                elif mount.type == "volume":
                    mount = await self._mount_volume(undo, container_id, mount)
                ready.append(mount)
            undo.pop_all()
        mapped = _mapped(ready, maps) if maps is not None or any(mount.id_map for mount in ready) else None
        return mounts.oci_mounts(ready, first_start=first_start, mapped=mapped)

    async def unmount(self, container_id: str) -> None:
        """Idempotent."""
        for mount in self.mounts_of(container_id):
            if mount.type == "volume" and mount.name in self._records.volumes:
                await self._drivers[mount.driver].unmount(mount.name, container_id)
                self._emit("unmount", mount.name, {"container": container_id, "driver": mount.driver})

    async def detach(self, container_id: str, *, anonymous: bool) -> None:
        """Forgets a container; ``anonymous``: removes its volumes without a name that nobody else uses. Idempotent."""
        had = self.mounts_of(container_id)
        self._records.detach([container_id])
        for mount in had:
            record = self._records.volumes.get(mount.name)
            if anonymous and record is not None and ANONYMOUS in (record.labels or {}):
                if not self._records.users(record.name):
                    await self.remove(record.name, force=True)

    async def _mount_volume(self, undo: AsyncExitStack, container_id: str, mount: ContainerMount) -> ContainerMount:
        record = self._find(mount.name)
        driver = self._drivers[record.driver]
        source = await driver.mount(record.name, container_id, record.options)
        undo.push_async_callback(driver.unmount, record.name, container_id)
        self._emit(
            "mount",
            record.name,
            {
                "container": container_id,
                "destination": mount.destination,
                "driver": record.driver,
                "propagation": mount.propagation,
                "read/write": "false" if mount.read_only else "true",
            },
        )
        return replace(mount, source=resolve_subpath(source, mount.subpath) if mount.subpath else source)

    # --- details

    async def _ensure(
        self, name: str, driver: str, options: Mapping[str, str] | None, labels: Mapping[str, str] | None
    ) -> tuple[VolumeRecord, bool]:
        """The record, in memory only if it is new (then True)."""
        if not name:
            name = secrets.token_hex(32)
            labels = {ANONYMOUS: "", **(labels or {})}
        existing = self._records.volumes.get(name)
        if existing is not None:
            if driver and driver != existing.driver:
                known = f"a volume named {name} already exists with the {existing.driver} driver. Choose a different"
                raise Conflict(f"create {name}: conflict: volume name must be unique: {known} volume name")
            return existing, False
        if (driver or _LOCAL) not in self._drivers:
            missing = f'error looking up volume plugin {driver}: plugin "{driver}" not found'
            raise NotFound(f"create {name}: {missing}")
        record = VolumeRecord(
            name, driver or _LOCAL, time.time_ns(), dict(labels) if labels else None, dict(options or {})
        )
        try:
            await self._drivers[record.driver].create(name, record.options)
        except CorralError as error:
            raise type(error)(f"create {name}: {error}", code=error.code) from error
        self._records.volumes[name] = record
        return record, True

    async def _forget(self, record: VolumeRecord) -> None:
        if self._records.users(record.name):  # another container took it meanwhile
            await self._records.put(record)
            return
        self._records.volumes.pop(record.name, None)
        await self._drivers[record.driver].remove(record.name)

    def _find(self, name: str) -> VolumeRecord:
        try:
            return self._records.volumes[name]
        except KeyError:
            raise NotFound(f"get {name}: no such volume", code="no_such_volume") from None

    def _show(self, record: VolumeRecord, used: VolumeUsage | None = None) -> Volume:
        driver = self._drivers[record.driver]
        return view.show(record, driver.path(record.name), driver.scope, used)

    async def _usage(self, record: VolumeRecord) -> VolumeUsage:
        size = await usage.size(self._drivers[record.driver].path(record.name)) if record.driver == _LOCAL else -1
        return VolumeUsage(ref_count=len(self._records.users(record.name)), size=size)


def _mapped(ready: Sequence[ContainerMount], maps: IDMaps | None) -> dict[str, IDMaps]:
    """By destination: as asked for; volumes, which are the container's own, with its maps. Raises Invalid."""
    mapped = {}
    for mount in ready:
        if mount.id_map:
            mapped[mount.destination] = idmap.maps_of(mount.id_map, maps)
        elif mount.type == "volume" and maps is not None:
            if supported(mount.source):
                mapped[mount.destination] = maps
            elif not os.listdir(mount.source):
                # As Docker does: what the container makes in it will be its own.
                os.chown(mount.source, *maps.root)
    return mapped


def _prepare_bind(mount: ContainerMount) -> None:
    """Raises Invalid."""
    try:
        os.stat(mount.source)
    except FileNotFoundError:
        if not mount.create_source:
            missing = f"bind source path does not exist: {mount.source}"
            raise Invalid(f'invalid mount config for type "bind": {missing}') from None
        _make_source(mount.source)
    except OSError as error:
        raise Invalid(f"error while creating mount source path '{mount.source}': {error.strerror}") from error


def _make_source(path: str) -> None:
    try:
        os.makedirs(path, 0o755, exist_ok=True)
    except OSError as error:
        if not (os.path.lexists(path) and stat.S_ISLNK(os.lstat(path).st_mode)):
            reason = f"mkdir {error.filename}: {(error.strerror or '').lower()}"
            raise Invalid(f"error while creating mount source path '{path}': {reason}") from error
        raise Invalid(f"error while creating mount source path '{path}': it is a link to nowhere") from error
