"""What is true of a container only while this daemon lives: its lock, who waits for it, its execs, its next restart."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from corral.engine.container.record import ContainerID
from corral.oci.runtime import Process
from corral.runtime.driver import Attachment, Exit

__all__ = ["Backoff", "ExecRecord", "Live", "LiveTable"]


_MOST_EXECS: Final = 256


@dataclass(frozen=True, slots=True)
class ExecRecord:
    """An exec as it was asked for, and what became of it. ``pid`` 0 and ``exit`` None: not started.

    Of one that an earlier daemon started only the ids and what became of it are known.
    """

    id: str
    container_id: ContainerID
    process: Process
    tty: bool
    stdin: bool
    stdout: bool
    stderr: bool
    privileged: bool = False
    user: str = ""
    detach_keys: str = ""
    started: bool = False
    pid: int = 0
    exit: Exit | None = None

    @property
    def running(self) -> bool:
        return self.pid != 0 and self.exit is None


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a restart by policy, in seconds: doubles with each failure soon after a start."""

    delay: float = 0.0

    FIRST: ClassVar = 0.1
    MOST: ClassVar = 60.0
    CALM: ClassVar = 10.0

    def after(self, ran_for: float) -> Backoff:
        """The next one, for a container that ran for so many seconds."""
        if self.delay == 0 or ran_for >= self.CALM:
            return replace(self, delay=self.FIRST)
        return replace(self, delay=min(self.delay * 2, self.MOST))


@dataclass(slots=True)
class Live:
    """``lock`` is held by verbs that change the container's life and by the handling of its exit.

    ``attachments`` came before a start and wait for it. ``next_exit`` and ``removal`` are futures of those who wait;
    the first is done at each exit, even if a policy restarts the container. ``restart``: the task that waits for that;
    ``restarting_by_hand``: how many callers are between stopping and starting it.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    attachments: list[Attachment] = field(default_factory=list)
    next_exit: list[asyncio.Future[int]] = field(default_factory=list)
    removal: list[asyncio.Future[int]] = field(default_factory=list)
    execs: dict[str, ExecRecord] = field(default_factory=dict)
    backoff: Backoff = Backoff()
    restart: asyncio.Task[None] | None = None
    restarting_by_hand: int = 0

    def waiter(self, futures: list[asyncio.Future[int]]) -> asyncio.Future[int]:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        futures.append(future)
        future.add_done_callback(lambda done: futures.remove(done) if done in futures else None)
        return future

    @staticmethod
    def release(futures: list[asyncio.Future[int]], exit_code: int) -> None:
        """Wakes everybody who waits on this list."""
        waiting = list(futures)
        futures.clear()
        for future in waiting:
            if not future.done():
                future.set_result(exit_code)

    def take_attachments(self) -> tuple[Attachment, ...]:
        """The waiting ones, which are the caller's from then on."""
        taken = tuple(self.attachments)
        self.attachments.clear()
        return taken

    def close_attachments(self) -> None:
        for attachment in self.take_attachments():
            os.close(attachment.fd)


class LiveTable:
    """Live state by container, made when first asked for."""

    def __init__(self) -> None:
        self._live: dict[ContainerID, Live] = {}
        self._execs: dict[str, ContainerID] = {}

    def __getitem__(self, id: ContainerID) -> Live:
        live = self._live.get(id)
        if live is None:
            live = self._live[id] = Live()
        return live

    def put_exec(self, record: ExecRecord) -> None:
        """Adds or replaces it. Of those that have ended only the latest are kept, for clients that still ask."""
        execs = self[record.container_id].execs
        execs[record.id] = record
        self._execs[record.id] = record.container_id
        if len(execs) > _MOST_EXECS:
            ended = [known.id for known in execs.values() if known.exit is not None]
            for id in ended[: len(execs) - _MOST_EXECS]:
                del execs[id], self._execs[id]

    def exec(self, id: str) -> ExecRecord | None:
        owner = self._execs.get(id)
        return None if owner is None else self[owner].execs.get(id)

    def end_execs(self, id: ContainerID, exit: Exit) -> None:
        """Those of a container that has ended itself; they can still be asked for."""
        execs = self[id].execs
        for exec_id, record in execs.items():
            if record.started and record.exit is None:
                execs[exec_id] = replace(record, exit=exit)

    def forget(self, id: ContainerID) -> None:
        live = self._live.pop(id, None)
        for exec_id in live.execs if live else ():
            self._execs.pop(exec_id, None)
