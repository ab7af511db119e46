"""Events in order, in memory for those who keep up, in SQLite for everybody else.

A listener is not a queue that may overflow but a position in one numbered sequence: it reads on from where it is, out
of memory when it keeps up and out of the database when it does not. So nobody misses anything, however slow, and
nobody costs memory. What is older than ``keep`` events is forgotten; a listener that is that far behind is told so by
an error.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import itertools
import json
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final

from corral.api.types.event import Actor, Event
from corral.api.types.wire import UNSET
from corral.engine.events.filter import EventFilter
from corral.errors import Exhausted
from corral.store.database import Database, Migration

__all__ = ["EventService"]

log = logging.getLogger(__name__)

_KEEP: Final = 100_000
_IN_MEMORY: Final = 1024
_BATCH: Final = 256

_NANO: Final = 1_000_000_000
_RESOLUTION: Final = 1_000_000
"""Nanoseconds by which the clock may seem to lag behind; more, and it was set back."""

_MIGRATIONS: Final = (
    Migration(
        "events",
        1,
        """
        CREATE TABLE event (
            seq INTEGER PRIMARY KEY,
            time INTEGER NOT NULL,
            type TEXT NOT NULL,
            action TEXT NOT NULL,
            actor TEXT NOT NULL,
            attributes TEXT NOT NULL,
            scope TEXT NOT NULL
        );
        CREATE INDEX event_time ON event (time)
        """,
    ),
)

_Numbered = tuple[int, Event]


class EventService:
    """To be used on the event loop's thread. ``clock``: nanoseconds since the epoch; ``keep``: how many are stored."""

    def __init__(self, database: Database, *, clock: Callable[[], int] = time.time_ns, keep: int = _KEEP) -> None:
        database.migrate(_MIGRATIONS)
        self._database = database
        self._clock = clock
        self._keep = keep
        newest = database.read("SELECT seq, time FROM event ORDER BY seq DESC LIMIT 1")
        self._last: int = newest[0]["seq"] if newest else 0
        self._last_time: int = newest[0]["time"] if newest else 0
        self._recent: deque[_Numbered] = deque()
        """Everything that is not known to be stored, and some more before it."""
        self._stored = self._last
        self._gathering: _Gathering | None = None
        self._pruned = self._last
        self._listeners: set[asyncio.Event] = set()

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def emit(
        self,
        type: str,
        action: str,
        actor_id: str,
        attributes: Mapping[str, str] | None = None,
        scope: str = "local",
    ) -> None:
        """Tell listeners now, store soon. Times are different for every event, for them to be asked for exactly."""
        now = self._clock()
        if now <= self._last_time < now + _RESOLUTION:
            now = self._last_time + 1
        self._last_time = now
        self._last += 1
        numbered = self._last, make_event(now, type, action, actor_id, dict(attributes or {}), scope)
        self._recent.append(numbered)
        self._forget()
        if self._gathering is None or not self._gathering.add(numbered):
            self._gathering = _Gathering(numbered)
            self._save(self._gathering)
        for listener in self._listeners:
            listener.set()

    def stream(self, since: int, until: int, filters: Mapping[str, Sequence[str]]) -> AsyncIterator[Event]:
        """Stored events from ``since`` up to ``until`` (nanoseconds, both included), then new ones up to ``until``.

        Without ``since`` from the first one stored if there is an ``until``, else only new ones; without ``until``
        there is no end. What happens after this call is not missed, whenever reading begins. Raises Exhausted while
        reading, when events were forgotten before they could be read.
        """
        return self._stream(self._last, since, until, EventFilter(filters))

    async def close(self) -> None:
        """Store what is not stored yet."""
        await self._database.write(lambda _: None, durable=False)
        self._forget()

    async def _stream(self, newest: int, since: int, until: int, wanted: EventFilter) -> AsyncIterator[Event]:
        """``newest``: what was the last event when the listener came."""
        changed = asyncio.Event()
        self._listeners.add(changed)
        try:
            position = self._before(since, newest) if since or until else newest
            while True:
                changed.clear()
                batch = self._after(position)
                for position, event in batch:
                    is_stored = position <= newest
                    if is_stored and event.time_nano < since:
                        continue
                    if until and event.time_nano > until:
                        if is_stored:
                            continue
                        return
                    if event in wanted:
                        yield event
                if batch:
                    await asyncio.sleep(0)
                elif not await self._wait(changed, until):
                    return
        finally:
            self._listeners.discard(changed)

    async def _wait(self, changed: asyncio.Event, until: int) -> bool:
        """For the next event. False when there will be none up to ``until``."""
        if not until:
            return await changed.wait()
        remaining = (until - self._clock()) / _NANO
        if remaining < 0:
            return False
        timer = asyncio.get_running_loop().call_later(remaining + 0.001, changed.set)
        try:
            return await changed.wait()
        finally:
            timer.cancel()

    def _before(self, since: int, newest: int) -> int:
        """The number before that of the first event at ``since`` or later; ``newest`` when there is none."""
        rows = self._database.read("SELECT min(seq) AS seq FROM event WHERE time >= ?", (since,))
        first: list[int] = [row["seq"] for row in rows if row["seq"] is not None]
        first += [seq for seq, event in self._recent if event.time_nano >= since][:1]
        return min([newest, *(seq - 1 for seq in first)])

    def _after(self, position: int) -> list[_Numbered]:
        """Some of the events after ``position``, in order; none, when there are no more. Raises Exhausted."""
        if position >= self._last:
            return []
        if self._recent and position + 1 >= self._recent[0][0]:
            skipped = position + 1 - self._recent[0][0]
            return list(itertools.islice(self._recent, skipped, skipped + _BATCH))
        rows = self._database.read("SELECT * FROM event WHERE seq > ? ORDER BY seq LIMIT ?", (position, _BATCH))
        found = [(row["seq"], _from_row(row)) for row in rows]
        following: int = found[0][0] if found else self._recent[0][0] if self._recent else self._last + 1
        if following != position + 1:
            missing = following - position - 1
            raise Exhausted(f"{missing} events were discarded before they were read, at most {self._keep} are kept")
        return found

    def _save(self, gathering: _Gathering) -> None:
        """Let the database store it together with what is written next, or a moment later."""

        def write(database: sqlite3.Connection) -> None:
            events = gathering.close()
            database.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", [_to_row(*each) for each in events])
            last = events[-1][0]
            if last - self._pruned > max(1, self._keep // 100):
                self._pruned = last
                database.execute("DELETE FROM event WHERE seq <= ?", (last - self._keep,))

        self._database.submit(write, durable=False, lazily=True).add_done_callback(
            lambda done: self._on_saved(gathering, done)
        )

    def _on_saved(self, gathering: _Gathering, done: concurrent.futures.Future[None]) -> None:
        """In the database's thread."""
        if (error := done.exception()) is not None:
            log.error("cannot store events: %s", error)
        self._stored = gathering.close()[-1][0]

    def _forget(self) -> None:
        """What is stored, and what cannot be stored: memory is not there to replace the disk."""
        while len(self._recent) > _IN_MEMORY and self._recent[0][0] <= self._stored:
            self._recent.popleft()


class _Gathering:
    """Events that will be stored together: those until the database's thread comes to take them."""

    def __init__(self, first: _Numbered) -> None:
        self._events = [first]
        self._open = True
        self._lock = threading.Lock()

    def add(self, event: _Numbered) -> bool:
        """False when it is too late."""
        with self._lock:
            if self._open:
                self._events.append(event)
            return self._open

    def close(self) -> list[_Numbered]:
        """The same each time."""
        with self._lock:
            self._open = False
        return self._events


def make_event(
    at: int, type: str, action: str, actor_id: str, attributes: dict[str, str], scope: str = "local"
) -> Event:
    """The wire form. Containers and images have some of it twice, for clients of API 1.21 and before."""
    is_doubled = type in ("container", "image")
    return Event(
        status=action if is_doubled else UNSET,
        id=actor_id if is_doubled else UNSET,
        from_=attributes.get("image", UNSET) if type == "container" else UNSET,
        type=type,
        action=action,
        actor=Actor(id=actor_id, attributes=attributes),
        scope=scope,
        time=at // _NANO,
        time_nano=at,
    )


def _to_row(seq: int, event: Event) -> tuple[int, int, str, str, str, str, str]:
    attributes = json.dumps(event.actor.attributes)
    return seq, event.time_nano, event.type, event.action, event.actor.id, attributes, str(event.scope)


def _from_row(row: sqlite3.Row) -> Event:
    attributes = json.loads(row["attributes"])
    return make_event(row["time"], row["type"], row["action"], row["actor"], attributes, row["scope"])
