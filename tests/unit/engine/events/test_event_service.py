"""Events: stored and streamed in order, exactly, to listeners of any speed; Docker's filters."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from corral.api.types.event import Event
from corral.api.types.wire import encode
from corral.engine.events import EventService
from corral.engine.events.filter import EventFilter
from corral.engine.events.service import make_event
from corral.errors import Exhausted
from corral.store.database import Database

SECOND = 1_000_000_000


class Clock:
    """Stands still until it is told otherwise; ``real`` lets it run."""

    def __init__(self) -> None:
        self.now = 1_700_000_000 * SECOND
        self.real = False

    def __call__(self) -> int:
        return time.time_ns() if self.real else self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "db")
    yield database
    database.close()


@pytest.fixture
async def events(database: Database, clock: Clock) -> AsyncIterator[EventService]:
    service = EventService(database, clock=clock)
    yield service
    await service.close()


def tell(events: EventService, clock: Clock, *names: str) -> list[int]:
    """One event a second; returns their times."""
    times = []
    for name in names:
        clock.now += SECOND
        events.emit("container", name, "ID", {"name": "web", "image": "busybox"})
        times.append(clock.now)
    return times


async def take(stream: AsyncIterator[Event], count: int) -> list[str]:
    async with asyncio.timeout(5):
        return [(await anext(stream)).action for _ in range(count)]


async def rest(stream: AsyncIterator[Event], clock: Clock) -> list[str]:
    """All, of a stream whose end has come."""
    clock.now += 1000 * SECOND
    async with asyncio.timeout(5):
        return [event.action async for event in stream]


async def test_listener_hears_what_happens_after_it_asked(events: EventService, clock: Clock) -> None:
    tell(events, clock, "before")
    stream = events.stream(0, 0, {})
    tell(events, clock, "between")  # nobody has read from the stream yet
    reading = asyncio.ensure_future(take(stream, 3))
    await asyncio.sleep(0)
    tell(events, clock, "a", "b")
    assert await reading == ["between", "a", "b"]


async def test_past_is_exact_to_the_nanosecond_and_inclusive(events: EventService, clock: Clock) -> None:
    times = tell(events, clock, *"abcde")
    assert await rest(events.stream(times[1], times[3], {}), clock) == ["b", "c", "d"]
    assert await rest(events.stream(times[1] + 1, times[3] - 1, {}), clock) == ["c"]
    assert await rest(events.stream(0, times[1], {}), clock) == ["a", "b"]
    assert await rest(events.stream(times[4] + 1, times[4] + 1, {}), clock) == []


async def test_since_goes_on_with_what_comes(events: EventService, clock: Clock) -> None:
    times = tell(events, clock, "a", "b")
    stream = events.stream(times[1], 0, {})
    assert await take(stream, 1) == ["b"]
    tell(events, clock, "c")
    assert await take(stream, 1) == ["c"]


async def test_since_in_the_future_still_hears_what_comes(events: EventService, clock: Clock) -> None:
    tell(events, clock, "a")
    stream = events.stream(clock.now + 1000 * SECOND, 0, {})
    tell(events, clock, "b")
    assert await take(stream, 1) == ["b"]


async def test_until_in_the_future_ends_by_itself(events: EventService, clock: Clock) -> None:
    clock.real = True
    stream = events.stream(0, time.time_ns() + SECOND // 5, {})
    events.emit("container", "a", "ID", {})
    begin = time.monotonic()
    assert await rest(stream, clock) == ["a"]
    assert time.monotonic() - begin < 2


async def test_events_of_the_same_nanosecond_have_different_times(events: EventService, clock: Clock) -> None:
    for name in "abc":
        events.emit("container", name, "ID", {})
    first = clock.now
    clock.now += SECOND
    found = [event async for event in events.stream(1, first + 9, {})]
    assert [event.time_nano for event in found] == [first, first + 1, first + 2]
    assert await rest(events.stream(first + 1, first + 9, {}), clock) == ["b", "c"]


async def test_clock_that_was_set_back_loses_no_event(events: EventService, clock: Clock) -> None:
    times = tell(events, clock, "a", "b")
    clock.now -= 100 * SECOND
    early = tell(events, clock, "c")
    assert await rest(events.stream(early[0], times[1], {}), clock) == ["a", "b", "c"]
    assert await rest(events.stream(times[0], times[1], {}), clock) == ["a", "b"]


async def test_next_daemon_knows_what_happened(tmp_path: Path, clock: Clock) -> None:
    database = Database(tmp_path / "db")
    first = EventService(database, clock=clock)
    times = tell(first, clock, "a", "b")
    await first.close()
    database.close()
    database = Database(tmp_path / "db")
    second = EventService(database, clock=clock)
    times += tell(second, clock, "c")
    clock.now += SECOND
    found = [event async for event in second.stream(times[0], times[2], {})]
    assert [event.action for event in found] == ["a", "b", "c"]
    assert encode(found[0]) == encode(make_event(times[0], "container", "a", "ID", {"name": "web", "image": "busybox"}))
    await second.close()
    database.close()


async def test_stored_soon_without_being_asked(events: EventService, database: Database, clock: Clock) -> None:
    tell(events, clock, "a")
    deadline = time.monotonic() + 5
    for _ in iter(lambda: not database.read("SELECT * FROM event"), False):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def test_slow_listener_misses_nothing(events: EventService, clock: Clock) -> None:
    """Ten thousand events while it does not read: memory has long forgotten the first ones."""
    stream = events.stream(0, 0, {})
    for number in range(10_000):
        clock.now += 1
        events.emit("container", str(number), "ID", {})
        if number % 1000 == 0:
            await asyncio.sleep(0.001)
    await events.close()
    await asyncio.sleep(0.01)
    assert len(events._recent) < 2000
    assert await take(stream, 10_000) == [str(number) for number in range(10_000)]
    assert events.listeners == 1
    await stream.aclose()  # type: ignore[attr-defined]
    assert events.listeners == 0


async def test_listener_behind_what_is_kept_is_told(database: Database, clock: Clock) -> None:
    events = EventService(database, clock=clock, keep=100)
    stream = events.stream(0, 0, {})
    for number in range(3000):
        clock.now += 1
        events.emit("container", str(number), "ID", {})
    await events.close()
    await asyncio.sleep(0.01)
    with pytest.raises(Exhausted, match="discarded before they were read"):
        await take(stream, 3000)
    assert database.read("SELECT count(*) AS n FROM event")[0]["n"] < 600
    assert len(await rest(events.stream(1, clock.now, {}), clock)) < 2000
    await events.close()


async def test_many_listeners_hear_the_same(events: EventService, clock: Clock) -> None:
    streams = [events.stream(0, 0, {}) for _ in range(20)]
    tell(events, clock, *"abc")
    assert await asyncio.gather(*(take(stream, 3) for stream in streams)) == [["a", "b", "c"]] * 20


async def test_storing_that_fails_does_not_stop_telling(
    events: EventService, database: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await database.write(lambda db: db.execute("DROP TABLE event"))
    stream = events.stream(0, 0, {})
    tell(events, clock, "a")
    await events.close()
    await asyncio.sleep(0.01)
    assert "cannot store events" in caplog.text
    assert await take(stream, 1) == ["a"]


# -- the wire form


def test_containers_and_images_are_doubled_for_old_clients() -> None:
    container = json.loads(encode(make_event(5 * SECOND + 7, "container", "start", "ID", {"image": "busybox"})))
    assert container == {
        "status": "start",
        "id": "ID",
        "from": "busybox",
        "Type": "container",
        "Action": "start",
        "Actor": {"ID": "ID", "Attributes": {"image": "busybox"}},
        "scope": "local",
        "time": 5,
        "timeNano": 5 * SECOND + 7,
    }
    image = json.loads(encode(make_event(0, "image", "pull", "busybox", {})))
    assert (image["status"], image["id"], "from" in image) == ("pull", "busybox", False)
    network = json.loads(encode(make_event(0, "network", "connect", "N", {})))
    assert "status" not in network
    assert "id" not in network


# -- filters

CREATE = make_event(1, "container", "create", "bfb631", {"a": "b", "image": "registry:5000/busybox:1", "name": "web1"})
EXEC = make_event(2, "container", "exec_create: ls -l", "bfb631", {"image": "busybox", "name": "web1"})
CONNECT = make_event(3, "network", "connect", "2ba4ce", {"container": "bfb631", "name": "bridge", "type": "bridge"})
PULL = make_event(4, "image", "pull", "busybox:latest", {"name": "busybox"})
VOLUME = make_event(5, "volume", "create", "data", {"driver": "local"})
DAEMON = make_event(6, "daemon", "reload", "D", {"name": "vm"})
ALL = {"create": CREATE, "exec": EXEC, "connect": CONNECT, "pull": PULL, "volume": VOLUME, "daemon": DAEMON}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "create exec connect pull volume daemon"),
        ({"type": ["container"]}, "create exec"),
        ({"type": ["con"]}, ""),
        ({"type": ["network", "volume"]}, "connect volume"),
        ({"event": ["create"]}, "create volume"),
        ({"event": ["exec_create"]}, "exec"),
        ({"event": ["exec_create", "crea"]}, "create exec volume"),
        ({"event": ["crea"]}, ""),
        ({"container": ["web"]}, "create exec"),
        ({"container": ["bfb"]}, "create exec"),
        ({"container": ["bri"]}, "connect"),
        ({"container": ["web1"], "network": ["bridge"]}, ""),
        ({"network": ["2ba"]}, "connect"),
        ({"volume": ["data"]}, "volume"),
        ({"daemon": ["vm"]}, "daemon"),
        ({"image": ["busybox"]}, "exec pull"),
        ({"image": ["busybox:latest"]}, "pull"),
        ({"image": ["registry:5000/busybox"]}, "create"),
        ({"image": ["registry:5000/busybox:1"]}, "create"),
        ({"image": ["busy"]}, ""),
        ({"label": ["a"]}, "create"),
        ({"label": ["a=b"]}, "create"),
        ({"label": ["a=c"]}, ""),
        ({"label": ["a", "image"]}, "create"),
        ({"label": ["a", "none"]}, ""),
        ({"scope": ["local"]}, "create exec connect pull volume daemon"),
        ({"scope": ["swarm"]}, ""),
        ({"nonsense": ["x"]}, "create exec connect pull volume daemon"),
        ({"type": []}, "create exec connect pull volume daemon"),
    ],
)
def test_filters_are_dockers(filters: dict[str, list[str]], expected: str) -> None:
    wanted = EventFilter(filters)
    assert [name for name, event in ALL.items() if event in wanted] == expected.split()


async def test_stream_is_filtered_in_the_past_and_after(events: EventService, clock: Clock) -> None:
    times = tell(events, clock, "a", "b")
    stream = events.stream(times[0], 0, {"event": ["b", "c"]})
    tell(events, clock, "a", "c")
    assert await take(stream, 2) == ["b", "c"]
