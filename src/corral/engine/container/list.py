"""list: ``docker ps``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from corral.api.types.container import ContainerSummary
from corral.engine.container.context import Engine
from corral.engine.container.filters import Selection, select
from corral.engine.container.record import ContainerRecord
from corral.engine.container.view import summary
from corral.errors import CorralError, NotFound

__all__ = ["list_containers"]


async def list_containers(
    engine: Engine, *, all: bool, limit: int, size: bool, filters: Mapping[str, Sequence[str]]
) -> list[ContainerSummary]:
    """The newest first. ``limit`` > 0: so many of the newest, whatever their state. Raises Invalid, NotFound."""
    selection = select(filters, engine.store.find, lambda ref: _descendants(engine, ref))
    chosen = _choose(list(engine.store), selection, all=all or limit > 0, limit=limit)
    now = engine.clock()
    names: dict[tuple[str, str], str] = {}
    result = []
    for record in chosen:
        key = record.image_ref, record.image_id
        if key not in names:
            names[key] = _image_name(engine, record)
        usage = await _usage(engine, record) if size else None
        result.append(summary(record, now, names[key], usage))
    return result


def _choose(records: list[ContainerRecord], selection: Selection, *, all: bool, limit: int) -> list[ContainerRecord]:
    chosen = [
        record for record in records if (all or selection.stopped_too or record.status.is_up) and record in selection
    ]
    chosen.sort(key=lambda record: (record.created, record.id), reverse=True)
    return chosen[:limit] if limit > 0 else chosen


def _descendants(engine: Engine, ref: str) -> set[str]:
    image = engine.images.resolve(ref)
    return {image.id, *engine.images.descendants(image.id)}


def _image_name(engine: Engine, record: ContainerRecord) -> str:
    """What the user called it, as long as that still means the same image; else its id."""
    try:
        if engine.images.resolve(record.image_ref).id == record.image_id:
            return record.image_ref
    except CorralError:
        pass
    return record.image_id


async def _usage(engine: Engine, record: ContainerRecord) -> tuple[int, int] | None:
    try:
        return await engine.images.usage(record.id)
    except NotFound:
        return None
