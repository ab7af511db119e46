"""commit: a container's changes become an image."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from corral.api.types.container import Config
from corral.api.types.files import CommitOptions
from corral.archive.owners import Owners
from corral.engine.container import news
from corral.engine.container.context import Engine
from corral.engine.container.lookup import locked
from corral.engine.container.portable import merged, portable
from corral.engine.container.record import ContainerRecord, Status
from corral.errors import Conflict, Invalid
from corral.image import changes
from corral.image.committing import CommitRequest
from corral.oci.idmaps import IDMaps
from corral.oci.reference import Reference, parse_reference
from corral.oci.runtime import IDMapping

__all__ = ["commit"]


async def commit(engine: Engine, ref: str, options: CommitOptions, config: Config | None) -> str:
    """The new image's id. ``config`` instead of the container's own, which completes it.

    A running container is paused meanwhile unless it may not be. Raises NotFound, Invalid, Conflict.
    """
    reference = _target(options.repo, options.tag)
    record = engine.store.find(ref)
    _refuse_leaving(record)
    async with _paused(engine, record, wanted=options.pause):
        own = portable(record.config)
        wanted = changes.apply(own if config is None else portable(config), options.changes)
        request = CommitRequest(
            container_id=record.id,
            parent=engine.images.resolve(record.image_id).id,
            config=merged(wanted, own),
            author=options.author,
            comment=options.comment,
            created_by=" ".join(record.config.cmd or ()),
            reference=reference,
            owners=owners_of(engine, record),
        )
        image_id = await engine.images.commit(request)
        shown = reference.familiar if reference is not None else ""
        news.emit(engine, record, "commit", comment=options.comment, imageID=image_id, imageRef=shown)
    return image_id


def _target(repo: str, tag: str) -> Reference | None:
    """Raises Invalid."""
    if not repo:
        return None
    reference = parse_reference(repo)
    if reference.digest:
        raise Invalid("cannot import digest reference")
    return reference.with_tag(tag) if tag else reference.tagged()


def _refuse_leaving(record: ContainerRecord) -> None:
    if record.status is Status.DEAD:
        raise Conflict(f"You cannot commit container {record.id} which is Dead")
    if record.status is Status.REMOVING:
        raise Conflict(f"You cannot commit container {record.id} which is being removed")


@asynccontextmanager
async def _paused(engine: Engine, record: ContainerRecord, *, wanted: bool) -> AsyncIterator[None]:
    """Frozen for the time of the block, if it runs and is not frozen already."""
    if not wanted or record.status is not Status.RUNNING:
        yield
        return
    async with locked(engine, record.id) as now:
        frozen = now.status is Status.RUNNING
        if frozen:
            await engine.driver.pause(record.id)
            news.emit(engine, engine.store.set_state(record.id, status=Status.PAUSED), "pause")
    try:
        yield
    finally:
        if frozen:
            await _thaw(engine, record)


async def _thaw(engine: Engine, record: ContainerRecord) -> None:
    """Unless somebody else did, or it was killed or removed meanwhile."""
    async with engine.live[record.id].lock:
        now = engine.store.get(record.id)
        if now is not None and now.status is Status.PAUSED:
            await engine.driver.resume(record.id)
            news.emit(engine, engine.store.set_state(record.id, status=Status.RUNNING), "unpause")


def owners_of(engine: Engine, record: ContainerRecord) -> Owners | None:
    """Of whom the container's files are, if they were given to ids outside of its user namespace."""
    maps = record.id_maps
    if maps is None or not engine.data.container_ids(record.id).exists():
        return None
    return _owners(maps)


def _owners(maps: IDMaps) -> Owners:
    def ranges(given: tuple[IDMapping, ...]) -> tuple[tuple[int, int, int], ...]:
        return tuple((one.container_id, one.host_id, one.size) for one in given)

    return Owners(ranges(maps.uids), ranges(maps.gids))
