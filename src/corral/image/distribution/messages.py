"""Progress of transfers in Docker's words: a phrase for each layer, which its clients show in a line of its own."""

from __future__ import annotations

import time
from typing import Final

from corral.api.types.progress import Progress, ProgressDetail
from corral.image.progress import Report, step

__all__ = ["Line", "layer", "plain"]

_SECONDS: Final = 0.1
"""Between two messages about the same bytes."""


def plain(text: str, item: str | None = None) -> Progress:
    return Progress(status=text) if item is None else Progress(status=text, id=item)


def layer(item: str, text: str) -> Progress:
    """A layer's new state."""
    return Progress(status=text, progress_detail=ProgressDetail(), id=item)


class Line:
    """What is said about one layer. Numbers that only move are told ten times a second."""

    def __init__(self, report: Report, item: str) -> None:
        self._report = report
        self._item = item
        self._next = 0.0

    def say(self, text: str) -> None:
        self._next = 0.0
        self._report(layer(self._item, text))

    def count(self, text: str, current: int, total: int) -> None:
        now = time.monotonic()
        if current and now >= self._next:  # clients show the first of nothing as an event
            self._next = now + _SECONDS
            self._report(step(self._item, text, current, total))
