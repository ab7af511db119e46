"""What the runtime tells the engine, from the first moment of the connection on.

The driver needs somebody to tell before the engine that uses the driver exists, and what it tells then must wait until
the records agree with what runs. So news is kept until ``deliver_to``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

from corral.engine.container import news
from corral.engine.container.context import Engine
from corral.engine.container.exec import exec_ended
from corral.engine.container.exits import handle_exit
from corral.runtime.driver import Exit

__all__ = ["RuntimeEvents"]

_log = logging.getLogger(__name__)

Fact = Callable[[Engine], Coroutine[None, None, None] | None]


class RuntimeEvents:
    """Implements `corral.runtime.driver.Events`."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._early: list[Fact] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def deliver_to(self, engine: Engine) -> None:
        self._engine = engine
        early, self._early = self._early, []
        for fact in early:
            self._deliver(fact)

    async def settle(self) -> None:
        """Waits until everything that was told has been dealt with."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def container_exited(self, id: str, exit: Exit) -> None:
        self._deliver(lambda engine: handle_exit(engine, id, exit))

    def exec_exited(self, id: str, exec_id: str, exit: Exit) -> None:
        self._deliver(lambda engine: exec_ended(engine, id, exec_id, exit))

    def oom(self, id: str, limit: str = "") -> None:
        self._deliver(lambda engine: _oom(engine, id, limit))

    def detached(self, id: str, exec_id: str | None) -> None:
        self._deliver(lambda engine: _detached(engine, id, exec_id))

    def _deliver(self, fact: Fact) -> None:
        if self._engine is None:
            self._early.append(fact)
            return
        pending = fact(self._engine)
        if pending is not None:
            task = asyncio.get_running_loop().create_task(pending)
            self._tasks.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("handling the news of a container failed", exc_info=error)


def _oom(engine: Engine, id: str, limit: str) -> None:
    record = engine.store.get(id)
    if record is not None and record.status.has_process:
        record = engine.store.set_state(record.id, oom_killed=True, oom_limit=limit)
        news.emit(engine, record, "oom", **({"limit": limit} if limit else {}))


def _detached(engine: Engine, id: str, exec_id: str | None) -> None:
    record = engine.store.get(id)
    if record is None:
        return
    if exec_id is None:
        news.emit(engine, record, "detach")
    else:
        news.emit(engine, record, "exec_detach", execID=exec_id)
