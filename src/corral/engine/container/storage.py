"""Binds, volumes and tmpfs of a container: planned when it is created, mounted by init at each start."""

from __future__ import annotations

from collections.abc import Callable

from corral.engine.container.context import Engine
from corral.engine.container.record import ContainerRecord
from corral.errors import Invalid, NotFound
from corral.oci.runtime import Mount
from corral.volume.mount import ContainerMount
from corral.volume.mounts import plan
from corral.volume.parse import volumes_from

__all__ = ["attach", "detach", "mount", "plan_mounts", "unmount"]


def plan_mounts(record: ContainerRecord, find: Callable[[str], ContainerRecord]) -> tuple[ContainerMount, ...]:
    """What was asked for, nothing made yet. Raises Invalid."""
    given = record.host_config
    return plan(
        binds=given.binds or (),
        mounts=given.mounts or (),
        tmpfs=given.tmpfs or {},
        volumes=record.config.volumes or (),
        volumes_from=[_inherited(text, find) for text in given.volumes_from or ()],
        volume_driver=given.volume_driver,
    )


def _inherited(text: str, find: Callable[[str], ContainerRecord]) -> tuple[tuple[ContainerMount, ...], bool]:
    """Raises Invalid when there is no such container, as Docker does: a 404 would be taken for a missing image."""
    ref, read_only = volumes_from(text)
    try:
        return find(ref).mounts, read_only
    except NotFound as error:
        raise Invalid(error.message) from error


async def attach(engine: Engine, record: ContainerRecord) -> tuple[ContainerMount, ...]:
    """The mounts that ``record`` plans, with their volumes, which are made if need be. Raises Invalid, Conflict."""
    return await engine.volumes.attach(record.id, record.mounts) if record.mounts else ()


async def mount(engine: Engine, record: ContainerRecord) -> tuple[Mount, ...]:
    """For the spec of a start. Raises Invalid when a bind's source is missing."""
    if not record.mounts:
        return ()
    return await engine.volumes.mount(record.id, first_start=record.state.started_at == 0, maps=record.id_maps)


async def unmount(engine: Engine, record: ContainerRecord) -> None:
    """After each run. Idempotent."""
    if record.mounts:
        await engine.volumes.unmount(record.id)


async def detach(engine: Engine, record: ContainerRecord, *, anonymous: bool) -> None:
    """When it is removed; ``anonymous``: its volumes without a name go, too."""
    if record.mounts:
        await engine.volumes.detach(record.id, anonymous=anonymous)
