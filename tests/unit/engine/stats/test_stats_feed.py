"""Feeds: one reader for all listeners, nothing for nobody, the newest for the slow."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from corral.engine.stats.feed import Feeds, Gone, Read
from corral.engine.stats.reader import Sample
from corral.runtime.cgroups.stats import CgroupStats, CpuStats, MemoryStats, PidsStats


def sample(at: int) -> Sample:
    return Sample(at, CgroupStats(2, True, MemoryStats(), CpuStats(), PidsStats()), at, 1, {})


class Counter:
    """Samples numbered from 1."""

    def __init__(self, *, end: int = 0) -> None:
        self.taken = 0
        self.end = end

    async def __call__(self) -> Sample:
        if self.taken == self.end != 0:
            raise Gone
        self.taken += 1
        return sample(self.taken)


async def numbers(feeds: Feeds, read: Read, count: int) -> list[int]:
    found: list[int] = []
    async with aclosing(feeds.listen("c", read)) as samples:
        async for one in samples:
            found.append(one.at if one else 0)
            if len(found) == count:
                break
    return found


async def test_the_first_sample_comes_at_once() -> None:
    feeds = Feeds(interval=1000)
    assert await asyncio.wait_for(numbers(feeds, Counter(), 1), 5) == [1]


async def test_all_listeners_share_one_reader() -> None:
    feeds, read = Feeds(interval=0.02), Counter()
    found = await asyncio.gather(*(numbers(feeds, read, 4) for _ in range(50)))
    assert all(one == found[0] for one in found)
    assert read.taken <= found[0][-1] + 1


async def test_nothing_is_read_when_nobody_listens() -> None:
    feeds, read = Feeds(interval=0.005), Counter()
    await numbers(feeds, read, 2)
    assert len(feeds) == 0
    taken = read.taken
    await asyncio.sleep(0.03)
    assert read.taken == taken


async def test_who_comes_later_gets_the_newest_at_once() -> None:
    feeds, read = Feeds(interval=1000), Counter()
    async with aclosing(feeds.listen("c", read)) as first:
        await anext(first)
        assert await asyncio.wait_for(numbers(feeds, read, 1), 5) == [1]
        assert len(feeds) == 1


async def test_a_slow_listener_misses_samples_and_holds_nobody_up() -> None:
    feeds, read = Feeds(interval=0.005), Counter()
    async with aclosing(feeds.listen("c", read)) as slow:
        first = await anext(slow)
        others = await numbers(feeds, read, 10)
        assert others == sorted(set(others))
        second = await anext(slow)
    assert first is not None
    assert second is not None
    assert first.at == 1
    assert second.at >= others[-1] >= 10


async def test_the_feed_of_a_removed_container_ends_for_all() -> None:
    feeds, read = Feeds(interval=0.005), Counter(end=2)
    found = await asyncio.gather(numbers(feeds, read, 9), numbers(feeds, read, 9))
    assert [numbers[-1] for numbers in found] == [2, 2]
    assert len(feeds) == 0


async def test_the_end_is_not_missed_by_who_is_busy() -> None:
    feeds = Feeds(interval=0.005)
    async with aclosing(feeds.listen("c", Counter(end=1))) as samples:
        await anext(samples)
        await asyncio.sleep(0.05)
        assert await asyncio.wait_for(anext(samples, "over"), 5) == "over"


async def test_a_failure_reaches_all_listeners() -> None:
    async def broken() -> Sample:
        raise PermissionError("no")

    feeds = Feeds()
    found = await asyncio.gather(*(numbers(feeds, broken, 1) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [PermissionError] * 3
    assert len(feeds) == 0


async def test_containers_have_feeds_of_their_own() -> None:
    feeds = Feeds(interval=1000)
    async with aclosing(feeds.listen("a", Counter())) as one, aclosing(feeds.listen("b", Counter())) as other:
        await anext(one), await anext(other)
        assert len(feeds) == 2


async def test_a_cancelled_listener_is_forgotten() -> None:
    feeds = Feeds(interval=1000)
    task = asyncio.create_task(numbers(feeds, Counter(), 2))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(feeds) == 0


async def test_the_interval_does_not_add_up_with_the_time_that_reading_takes() -> None:
    times = []

    async def read() -> Sample:
        times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.15)
        return sample(len(times))

    await numbers(Feeds(interval=0.2), read, 4)
    assert times[3] - times[0] < 0.95
