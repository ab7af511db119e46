"""The event loop: epoll, timers, and isolation of faults.

Each handler is called at most once per turn and does a bounded amount of work, so that a source that is always ready
gets its share and no more. Descriptors are watched level-triggered: what a handler leaves is offered again in the
next turn, after everybody else. A handler that raises is taken out, its fault is reported, and its owner is told
once; the others do not notice.
"""

from __future__ import annotations

import heapq
import select
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from corral.runtime.supervisor.faults import report

IN: Final = select.EPOLLIN
OUT: Final = select.EPOLLOUT
HANGUP: Final = select.EPOLLHUP | select.EPOLLERR

Handler = Callable[[int], None]
"""Called with the epoll events."""

_EVENTS_PER_TURN: Final = 256


@dataclass(slots=True)
class _Watch:
    handler: Handler
    events: int
    turn: int
    failed: Callable[[], None] | None


class Timer:
    """A call in the future. ``cancel`` may be called at any time."""

    __slots__ = ("callback", "deadline")

    def __init__(self, deadline: float, callback: Callable[[], None]) -> None:
        self.deadline = deadline
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def __lt__(self, other: Timer) -> bool:
        return self.deadline < other.deadline


class Loop:
    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watches: dict[int, _Watch] = {}
        self._timers: list[Timer] = []
        self._soon: deque[Callable[[], None]] = deque()
        self._turn = 0
        self._running = False

    def add(self, fd: int, events: int, handler: Handler, failed: Callable[[], None] | None = None) -> None:
        """Watch ``fd``. ``failed`` is called after the handler has raised and ``fd`` is no longer watched."""
        self._epoll.register(fd, events)
        self._watches[fd] = _Watch(handler, events, self._turn, failed)

    def modify(self, fd: int, events: int) -> None:
        watch = self._watches[fd]
        if watch.events != events:
            self._epoll.modify(fd, events)
            watch.events = events

    def remove(self, fd: int) -> None:
        """Stop watching, before ``fd`` is closed. Harmless when it is not watched."""
        if self._watches.pop(fd, None) is not None:
            try:
                self._epoll.unregister(fd)
            except OSError as error:  # whoever gives something back is not to be held up
                report("not unregistered", error, fd=fd)
                # Closing it is not enough: a duplicate elsewhere, such as the daemon's, would keep it ready for ever.
                self._renew()

    def watches(self, fd: int) -> bool:
        return fd in self._watches

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call at the end of this turn."""
        self._soon.append(callback)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(time.monotonic() + seconds, callback)
        heapq.heappush(self._timers, timer)
        return timer

    def run(self) -> None:
        """Until ``stop``."""
        self._running = True
        while self._running:
            self.turn()

    def stop(self) -> None:
        self._running = False

    def turn(self, patience: float | None = None) -> None:
        """One round: wait for at most ``patience`` seconds (None: until something happens), then handle it."""
        self._turn += 1
        for fd, events in self._epoll.poll(self._timeout(patience), _EVENTS_PER_TURN):
            watch = self._watches.get(fd)
            # A number that was closed and opened again in this turn is not the one that the event is about.
            if watch is None or watch.turn == self._turn:
                continue
            try:
                watch.handler(events)
            except Exception as error:
                self._fail(fd, watch, error)
        self._run_timers()
        for _ in range(len(self._soon)):
            self._call(self._soon.popleft())

    def after_fork(self) -> None:
        """In a forked child: an epoll instance of its own, for the inherited one is shared with the parent."""
        self._renew()

    def close(self) -> None:
        self._epoll.close()
        self._watches.clear()

    def _renew(self) -> None:
        """An epoll instance that has what is watched, and nothing else."""
        self._epoll.close()
        self._epoll = select.epoll()
        for fd, watch in self._watches.items():
            try:
                self._epoll.register(fd, watch.events)
            except OSError as error:
                report("not registered again", error, fd=fd)

    def _timeout(self, patience: float | None) -> float | None:
        if self._soon:
            return 0
        while self._timers and self._timers[0].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return patience
        remaining = max(0.0, self._timers[0].deadline - time.monotonic())
        return remaining if patience is None else min(patience, remaining)

    def _run_timers(self) -> None:
        if not self._timers:
            return
        now = time.monotonic()
        while self._timers and self._timers[0].deadline <= now:
            callback = heapq.heappop(self._timers).callback
            if callback is not None:
                self._call(callback)

    def _fail(self, fd: int, watch: _Watch, error: Exception) -> None:
        report("handler failed", error, fd=fd)
        if self._watches.get(fd) is watch:
            self.remove(fd)
        if watch.failed is not None:
            self._call(watch.failed)

    def _call(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception as error:
            report("callback failed", error)
