"""One inotify instance for all who follow logs, because a user may have only 128 of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Final

from corral.linux import inotify
from corral.linux.inotify import IN_CREATE, IN_MODIFY, IN_MOVED_TO, IN_ONLYDIR, IN_Q_OVERFLOW

__all__ = ["DirectoryWatch"]

_MASK: Final = IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR

Listener = Callable[[bool], None]
"""Told whether a file may have appeared; else one was written to."""


class DirectoryWatch:
    """Calls listeners, on the loop, when a file of their directory is written to or appears.

    The descriptor is open while there are listeners. Not thread-safe.
    """

    def __init__(self) -> None:
        self._fd = -1
        self._listeners: dict[int, list[Listener]] = {}

    def add(self, directory: str, listener: Listener) -> Callable[[], None]:
        """Returns what ends it. Raises OSError: no such directory, or too many watches."""
        if self._fd < 0:
            self._fd = inotify.inotify_init1()
            asyncio.get_running_loop().add_reader(self._fd, self._dispatch)
        try:
            wd = inotify.inotify_add_watch(self._fd, directory, _MASK)
        except OSError:
            self._close_if_idle()
            raise
        self._listeners.setdefault(wd, []).append(listener)
        return lambda: self._remove(wd, listener)

    def _remove(self, wd: int, listener: Listener) -> None:
        listeners = self._listeners.get(wd, [])
        if listener in listeners:
            listeners.remove(listener)
        if not listeners and self._listeners.pop(wd, None) is not None:
            with contextlib.suppress(OSError):  # the directory is gone, and the watch with it
                inotify.inotify_rm_watch(self._fd, wd)
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._listeners or self._fd < 0:
            return
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
        self._fd = -1

    def _dispatch(self) -> None:
        try:
            events = inotify.read_events(self._fd)
        except BlockingIOError:
            return
        appeared: dict[int, bool] = {}
        for event in events:
            appeared[event.wd] = appeared.get(event.wd, False) or bool(event.mask & (IN_CREATE | IN_MOVED_TO))
        if any(event.mask & IN_Q_OVERFLOW for event in events):
            appeared = dict.fromkeys(self._listeners, True)
        for wd, maybe in appeared.items():
            for listener in list(self._listeners.get(wd, ())):
                listener(maybe)
