"""Steps that must not stop half-way when whoever asked for them goes away.

A client that hangs up cancels its request. Between a write to the database and the change of what is kept in memory, or
the removal of a directory, that would leave the two disagreeing; such steps run to their end, and the cancellation
counts afterwards.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def uninterrupted(step: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Decorates a coroutine function. Cancelling a call raises CancelledError, but not before the step has ended."""

    @functools.wraps(step)
    async def whole(*args: P.args, **kwargs: P.kwargs) -> T:
        task = asyncio.create_task(step(*args, **kwargs))
        interruption: asyncio.CancelledError | None = None
        while True:
            try:
                result = await asyncio.shield(task)
                break
            except asyncio.CancelledError as error:
                if task.cancelled():
                    raise
                interruption = error
        if interruption is not None:
            raise interruption
        return result

    return whole
