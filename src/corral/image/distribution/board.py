"""What is said about something shared, to all who wait for it: who comes later hears the last word first."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from corral.api.types.progress import Progress
from corral.image.progress import Report

__all__ = ["Board", "Topic"]


class Topic:
    """One thing, and who listens. A message is made for each listener, whose line it is."""

    def __init__(self) -> None:
        self._listeners: list[Report] = []
        self._last: Progress | None = None

    def __call__(self, message: Progress) -> None:
        self._last = message
        for report in self._listeners:
            report(message)

    @property
    def deserted(self) -> bool:
        return not self._listeners

    @contextlib.contextmanager
    def heard(self, report: Report) -> Iterator[None]:
        if self._last is not None:
            report(self._last)
        self._listeners.append(report)
        try:
            yield
        finally:
            self._listeners.remove(report)


class Board:
    """Topics by name, as long as somebody listens."""

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}

    @contextlib.contextmanager
    def topic(self, name: str, report: Report) -> Iterator[Callable[[Progress], None]]:
        """Listens to what all who have this topic say, and returns how to say something."""
        topic = self._topics.setdefault(name, Topic())
        try:
            with topic.heard(report):
                yield topic
        finally:
            if topic.deserted:
                self._topics.pop(name, None)
