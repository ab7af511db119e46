"""What keeper and supervisor have in common and inherit from each other, so that it never vanishes."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

_BACKLOG: Final = 64
_PATIENCE: Final = 2.0
_PAUSE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Paths:
    """All absolute. ``bundles``: the directory of the containers' bundles."""

    socket: str
    lock: str
    spool: str
    bundles: str


@dataclass(frozen=True, slots=True)
class Base:
    """``listener``: where drivers connect; ``lock``: held as long as keeper or supervisor live; ``spool``,
    ``staging``: see ``spool``."""

    paths: Paths
    listener: socket.socket
    lock: int
    spool: int
    staging: tuple[int, int]

    @classmethod
    def open(cls, paths: Paths) -> Base | None:
        """None when there is another keeper or supervisor already. Raises OSError."""
        lock = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _acquire(lock):
            os.close(lock)
            return None
        os.makedirs(paths.bundles, 0o711, exist_ok=True)
        spool = os.open(paths.spool, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return cls(paths, _listen(paths.socket), lock, spool, os.pipe2(os.O_CLOEXEC))

    def fds(self) -> list[int]:
        return [self.listener.fileno(), self.lock, self.spool, *self.staging]

    def remove(self) -> None:
        """Nobody will listen here any more."""
        with suppress(FileNotFoundError):
            os.unlink(self.paths.socket)


def _acquire(lock: int) -> bool:
    """Those who have it may be about to end: they get some time."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
        time.sleep(_PAUSE)


def _listen(path: str) -> socket.socket:
    with suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    mask = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(mask)
    listener.listen(_BACKLOG)
    return listener
