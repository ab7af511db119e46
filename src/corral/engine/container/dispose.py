"""Removing all that a container has, for ``rm`` and for containers that remove themselves.

The caller holds the lock; the container has no process. What cannot be removed leaves it DEAD, to be removed again.
"""

from __future__ import annotations

import asyncio
import logging
import shutil

from corral.engine.container import news, storage
from corral.engine.container.context import Engine
from corral.engine.container.record import ContainerID, Status
from corral.errors import CorralError, Internal

__all__ = ["dispose"]

_log = logging.getLogger(__name__)


async def dispose(engine: Engine, id: ContainerID, *, volumes: bool) -> None:
    """``volumes``: its anonymous volumes as well. When this returns the name is free. Raises Internal."""
    record = engine.store.set_state(id, status=Status.REMOVING)
    live = engine.live[id]
    live.close_attachments()
    try:
        if record.state.error or not record.state.finished_at:  # what an exit cleans up may still be there
            await engine.driver.delete(id)
            await engine.networks.release(id)
        await engine.images.remove_rw_layer(id)
        await storage.detach(engine, record, anonymous=volumes)
        shutil.rmtree(engine.data.container(id), ignore_errors=True)
    except (CorralError, OSError) as error:
        engine.store.set_state(id, status=Status.DEAD, error=str(error))
        raise Internal(f"cannot remove container {record.id}: {error}") from error
    written = engine.store.remove(id, durable=not record.host_config.auto_remove)
    if not record.host_config.auto_remove:
        await asyncio.shield(asyncio.wrap_future(written))
    news.emit(engine, record, "destroy")
    live.release(live.next_exit, record.state.exit_code)
    live.release(live.removal, record.state.exit_code)
    engine.live.forget(id)
