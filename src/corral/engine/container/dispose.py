"""Removing all that a container has, for ``rm`` and for containers that remove themselves.

The caller holds the lock; the container has no process. What cannot be removed leaves it DEAD, to be removed again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
from pathlib import Path
from typing import Final

from corral.engine.container import news, storage
from corral.engine.container.context import Engine
from corral.engine.container.record import ContainerID, Status
from corral.errors import CorralError, Internal
from corral.store.database import committed

__all__ = ["dispose"]

_log = logging.getLogger(__name__)

_LATER: Final = 0.1
"""Seconds after which files are deleted: whoever waited for the removal has gone on by then."""


async def dispose(engine: Engine, id: ContainerID, *, volumes: bool) -> None:
    """``volumes``: its anonymous volumes as well. When this returns the name is free. Raises Internal."""
    record = engine.store.set_state(id, status=Status.REMOVING, write=not _removes_itself(engine, id))
    live = engine.live[id]
    live.close_attachments()
    try:
        if record.state.error or not record.state.finished_at:  # what an exit cleans up may still be there
            await engine.driver.delete(id)
            await engine.networks.release(id)
        await engine.images.remove_rw_layer(id)
        await storage.detach(engine, record, anonymous=volumes)
        _discard_directory(engine, id)
    except (CorralError, OSError) as error:
        engine.store.set_state(id, status=Status.DEAD, error=str(error))
        raise Internal(f"cannot remove container {record.id}: {error}") from error
    written = engine.store.remove(id, durable=not record.host_config.auto_remove)
    if not record.host_config.auto_remove:
        with contextlib.suppress(Internal):  # it is logged, and the next daemon will finish this
            await committed(written)
    news.emit(engine, record, "destroy")
    live.release(live.next_exit, record.state.exit_code)
    live.release(live.removal, record.state.exit_code)
    engine.live.forget(id)


def _removes_itself(engine: Engine, id: ContainerID) -> bool:
    record = engine.store.get(id)
    return record is not None and record.host_config.auto_remove


def _discard_directory(engine: Engine, id: ContainerID) -> None:
    """Logs may be large: renamed now, deleted in a thread, or by the next daemon, which empties the trash."""
    gone = engine.data.trash / f"container-{id}"
    try:
        os.rename(engine.data.container(id), gone)
    except FileNotFoundError:
        return
    loop = asyncio.get_running_loop()
    loop.call_later(_LATER, _delete, loop, gone)


def _delete(loop: asyncio.AbstractEventLoop, path: Path) -> None:
    with contextlib.suppress(RuntimeError):  # the daemon is ending: the next one does it
        loop.run_in_executor(None, shutil.rmtree, path, True)
