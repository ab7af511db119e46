"""Undoing what was done so far when a later step fails, without losing either error."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

__all__ = ["Undo"]

_log = logging.getLogger(__name__)


class Undo:
    """An asynchronous context: when it is left by an exception, the callbacks run, the last one first.

    One that fails does not stop the others; its error is logged and becomes a note of the one that is on its way.
    ``keep`` hands everything over to whoever lives on::

        async with Undo() as undo:
            await layers.create(id)
            undo.push(layers.remove, id)
            await volumes.mount(id)       # fails: the layer is removed
            undo.keep()
    """

    def __init__(self) -> None:
        self._steps: list[Callable[[], Any]] = []

    def push(self, action: Callable[..., Awaitable[object] | object], *arguments: object) -> None:
        """``action`` may be a coroutine function or a plain one."""
        self._steps.append(lambda: action(*arguments))

    def keep(self) -> None:
        self._steps.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        for step in reversed(self._steps):
            try:
                pending = step()
                if isinstance(pending, Awaitable):
                    await pending
            except Exception as second:
                _log.exception("cleaning up after %r failed", error)
                error.add_note(f"cleaning up failed as well: {second}")
