"""inspect."""

from __future__ import annotations

from corral.api.types.container import ContainerInspect
from corral.engine.container import security_options
from corral.engine.container.context import Engine
from corral.engine.container.view import inspect_view
from corral.engine.spec.security import apparmor_profile

__all__ = ["inspect"]


async def inspect(engine: Engine, ref: str, size: bool) -> ContainerInspect:
    """Raises NotFound, Invalid."""
    record = engine.store.find(ref)
    usage = await engine.images.usage(record.id) if size else None
    execs = [item.id for item in engine.live[record.id].execs.values() if item.running]
    graph = engine.images.rw_metadata(record.id)
    graph = {"ID": record.id, **graph} if graph else graph
    asked = security_options.parse(record.host_config.security_opt or ())
    # Docker shows what was asked for also where the kernel does not have it.
    profile = apparmor_profile(engine.host.apparmor, asked, privileged=record.host_config.privileged) or asked.apparmor
    return inspect_view(record, engine.data, exec_ids=execs, graph=graph, size=usage, apparmor=profile)
