"""inspect."""

from __future__ import annotations

from corral.api.types.container import ContainerInspect
from corral.engine.container.context import Engine
from corral.engine.container.view import inspect_view

__all__ = ["inspect"]


async def inspect(engine: Engine, ref: str, size: bool) -> ContainerInspect:
    """Raises NotFound, Invalid."""
    record = engine.store.find(ref)
    usage = await engine.images.usage(record.id) if size else None
    execs = [item.id for item in engine.live[record.id].execs.values() if item.running]
    graph = engine.images.rw_metadata(record.id)
    graph = {"ID": record.id, **graph} if graph else graph
    return inspect_view(record, engine.data, exec_ids=execs, graph=graph, size=usage)
