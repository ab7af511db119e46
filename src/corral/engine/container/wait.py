"""wait: for the end of a run, the next one, or the removal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from corral.api.types.container import WaitError, WaitResponse
from corral.api.types.wire import UNSET
from corral.engine.container.context import Engine
from corral.engine.container.record import ContainerID, Status
from corral.errors import Invalid

__all__ = ["wait"]


def wait(engine: Engine, ref: str, condition: str) -> Awaitable[WaitResponse]:
    """``condition``: not-running, next-exit or removed. The waiting has begun when this returns.

    Raises NotFound, Invalid.
    """
    record = engine.store.find(ref)
    live = engine.live[record.id]
    match condition:
        case "" | "not-running":
            if not record.status.is_up:
                return _at_once(record.state.exit_code)
            future = live.waiter(live.next_exit)
        case "next-exit":
            future = live.waiter(live.next_exit)
        case "removed":
            future = live.waiter(live.removal)
        case _:
            raise Invalid(f'invalid condition: "{condition}"')
    return _result(engine, record.id, future)


async def _at_once(exit_code: int) -> WaitResponse:
    return WaitResponse(status_code=exit_code)


async def _result(engine: Engine, id: ContainerID, future: asyncio.Future[int]) -> WaitResponse:
    exit_code = await future
    record = engine.store.get(id)
    failure = record.state.error if record is not None and record.status is not Status.RUNNING else ""
    return WaitResponse(status_code=exit_code, error=WaitError(message=failure) if failure else UNSET)
