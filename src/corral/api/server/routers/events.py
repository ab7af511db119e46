"""The stream of events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from corral.api.server.http.request import Request
from corral.api.server.http.response import Response
from corral.api.server.query import Filters, filters, timestamp
from corral.api.server.router import Route
from corral.api.server.streams import json_lines
from corral.api.types.event import Event
from corral.errors import Invalid

__all__ = ["EventRouter", "Events"]


class Events(Protocol):
    def stream(self, since: int, until: int, filters: Filters) -> AsyncIterator[Event]:
        """Stored ones from ``since`` on, then new ones, up to ``until``; in nanoseconds, 0: only new ones, no end."""
        ...


class EventRouter:
    def __init__(self, events: Events) -> None:
        self._events = events

    def routes(self) -> tuple[Route, ...]:
        return (Route("GET", "/events", self.events),)

    async def events(self, request: Request) -> Response:
        since, until = timestamp(request, "since"), timestamp(request, "until")
        if since and until and until < since:
            raise Invalid(
                f"since time ({request.query['since']}) cannot be after until time ({request.query['until']})"
            )
        return json_lines(self._events.stream(since, until, filters(request)))
