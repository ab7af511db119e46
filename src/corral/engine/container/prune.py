"""prune: every container that has no process, as far as the filters let it through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from corral.api.types.container import ContainersPruneReport
from corral.engine.container.context import Engine
from corral.engine.container.record import ContainerRecord, Status
from corral.engine.container.remove import remove
from corral.errors import CorralError
from corral.image.prune import parse

__all__ = ["prune"]

_ACCEPTED: Final = frozenset({"label", "label!", "until"})


async def prune(engine: Engine, filters: Mapping[str, Sequence[str]]) -> ContainersPruneReport:
    """Raises Invalid. What cannot be removed, or was started meanwhile, stays."""
    wanted = parse(filters, _ACCEPTED)
    report = ContainersPruneReport()
    for record in list(engine.store):
        if _is_over(record) and wanted.admits(record.created, record.config.labels):
            size = await _size(engine, record)
            try:
                await remove(engine, record.id, force=False, volumes=False, link=False)
            except CorralError:
                continue
            report.containers_deleted = [*(report.containers_deleted or []), record.id]
            report.space_reclaimed += size
    engine.emit("container", "prune", "", {"reclaimed": str(report.space_reclaimed)})
    return report


def _is_over(record: ContainerRecord) -> bool:
    return not record.status.is_up and record.status is not Status.REMOVING


async def _size(engine: Engine, record: ContainerRecord) -> int:
    try:
        return (await engine.images.usage(record.id))[0]
    except CorralError:
        return 0
