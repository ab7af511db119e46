"""The one SQLite database: WAL, one writer thread with group commit, durability by choice of the writer.

Writes are functions of a connection. Those that arrive while a commit is under way share the next one, so that
thirty concurrent creates pay for a few fsyncs and not for thirty. A write's future resolves only after the commit
that contains it; a write that raises is rolled back alone and does not hurt its neighbours. Since hardly any does,
a batch is first tried as a whole, and again with a savepoint for each write if one of them raised: so a write may be
called twice, and must not have any other effect than that on the connection.

Every commit survives the death of the process. ``durable`` writes survive a power failure too: a batch that has one
is committed with ``synchronous=FULL``, which syncs the log and with it all that was committed earlier. What a power
failure ends anyway (that a container runs; a container that removes itself) need not pay for that. ``lazily``: nobody
waits and nothing is lost that could not be found out again; the write joins the next one, or goes alone after some
milliseconds, so that the writer is not woken for each of several in a row.

Schemas belong to the rooms that own the tables; each hands its ordered migrations to `Database.migrate`.
"""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import contextlib
import dataclasses
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from corral.errors import Internal

__all__ = ["Database", "Migration", "committed"]

T = TypeVar("T")

_LAZINESS: Final = 0.01
"""Seconds."""


@dataclasses.dataclass(frozen=True, slots=True)
class Migration:
    """One irreversible step of one room's schema; ``number`` counts from 1 without gaps."""

    room: str
    number: int
    script: str


@dataclasses.dataclass(slots=True)
class _Write:
    action: Callable[[sqlite3.Connection], Any]
    durable: bool
    future: concurrent.futures.Future[Any]


class Database:
    """Opens (or creates) the database at ``path``; ``close`` waits for the writes that were accepted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writes: collections.deque[_Write] = collections.deque()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self._full = True
        self._reader = _connect(path)
        self._reader_lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="corral-db", daemon=True)
        self._thread.start()

    def migrate(self, migrations: Sequence[Migration]) -> None:
        """Applies the steps of one room that this file has not seen, each in its own transaction.

        Raises Internal if the file is newer than the program (a downgrade would lose data).
        """
        for migration in migrations:
            self.submit(lambda db, m=migration: _apply(db, m)).result()  # type: ignore[misc]
        if migrations:
            room, newest = migrations[0].room, migrations[-1].number
            rows = self.read("SELECT version FROM schema_version WHERE room = ?", (room,))
            if rows and rows[0][0] > newest:
                raise Internal(f"{self.path}: schema {rows[0][0]} of {room} is newer than this corral knows ({newest})")

    def submit(
        self, action: Callable[[sqlite3.Connection], T], *, durable: bool = True, lazily: bool = False
    ) -> concurrent.futures.Future[T]:
        """Queues a write; the future carries its result once it is committed. Callable from any thread.

        Writes are applied in the order of their submission, whoever waits for which.
        """
        write = _Write(action, durable, concurrent.futures.Future())
        with self._lock:
            if self._closing:
                raise Internal(f"{self.path}: database is closed")
            self._writes.append(write)
        if not (lazily and self._wake_later()):
            self._wake.put(None)
        return write.future

    def _wake_later(self) -> bool:
        """False when the caller has no event loop that could do it."""
        if self._timer is None:
            try:
                self._timer = asyncio.get_running_loop().call_later(_LAZINESS, self._wake_now)
            except RuntimeError:
                return False
        return True

    def _wake_now(self) -> None:
        self._timer = None
        self._wake.put(None)

    async def write(self, action: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """`submit`, awaited. Cancelling the caller does not cancel the write."""
        return await committed(self.submit(action, durable=durable))

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Runs one SELECT on a connection of its own: it sees what was committed before."""
        with self._reader_lock:
            return self._reader.execute(query, parameters).fetchall()

    def close(self) -> None:
        with self._lock:
            self._closing = True
        self._wake.put(None)
        self._thread.join()
        self._reader.close()

    def _run(self) -> None:
        db: sqlite3.Connection | None = _connect(self.path)
        while not (self._closing and not self._writes):
            self._wake.get()
            if batch := self._next_batch():
                db = self._commit(db, batch)
        if db is not None:
            db.close()

    def _next_batch(self) -> list[_Write]:
        """Everything that waits; whoever adds to it meanwhile wakes the thread again."""
        return [self._writes.popleft() for _ in range(len(self._writes))]

    def _commit(self, db: sqlite3.Connection | None, batch: list[_Write]) -> sqlite3.Connection | None:
        """Returns the connection for the next batch; none, for it to be made again, when the database failed and not a
        write: it may not even be possible to roll back."""
        outcomes: list[_Outcome]
        try:
            if db is None:
                db = _connect(self.path)
                self._full = True
            self._synchronous(db, any(write.durable for write in batch))
            try:
                outcomes = _apply_together(db, batch)
            except BaseException:  # whose it is will be seen
                db.rollback()
                outcomes = _apply_each(db, batch)
            db.execute("COMMIT")
        except (sqlite3.Error, Internal) as error:
            outcomes = [(None, Internal(f"{self.path}: {error}"))] * len(batch)
            if db is not None:
                with contextlib.suppress(sqlite3.Error):
                    db.close()
            db = None
        for write, (result, failure) in zip(batch, outcomes, strict=True):
            if failure is None:
                write.future.set_result(result)
            else:
                write.future.set_exception(failure)
        return db

    def _synchronous(self, db: sqlite3.Connection, full: bool) -> None:
        """FULL or NORMAL for the next transaction: the pragma has no effect within one."""
        if full != self._full:
            db.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")
            self._full = full


_Outcome = tuple[Any, BaseException | None]
"""What a write returned, or what it raised."""


def _apply_together(db: sqlite3.Connection, batch: list[_Write]) -> list[_Outcome]:
    """In a transaction that is still open. Raises what the first write raises that fails."""
    db.execute("BEGIN IMMEDIATE")
    return [(write.action(db), None) for write in batch]


def _apply_each(db: sqlite3.Connection, batch: list[_Write]) -> list[_Outcome]:
    """The same; a write that raises has no effect. Raises sqlite3.Error for what no write is to blame for."""
    outcomes: list[_Outcome] = []
    db.execute("BEGIN IMMEDIATE")
    for write in batch:
        db.execute("SAVEPOINT one")
        try:
            outcomes.append((write.action(db), None))
        except BaseException as error:  # handed to the caller, whatever it is
            db.execute("ROLLBACK TO one")
            outcomes.append((None, error))
        db.execute("RELEASE one")
    return outcomes


async def committed(write: concurrent.futures.Future[T]) -> T:
    """Waits for what `Database.submit` returned. Cancelling the caller does not cancel the write."""
    if not write.done():
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        write.add_done_callback(lambda _: _wake_up(loop, waiter))
        await waiter
    return write.result()


def _wake_up(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None]) -> None:
    def tell() -> None:
        if not waiter.done():
            waiter.set_result(None)

    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(tell)


def _connect(path: Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA foreign_keys=ON")
        db.execute("CREATE TABLE IF NOT EXISTS schema_version (room TEXT PRIMARY KEY, version INTEGER NOT NULL)")
    except sqlite3.Error as error:
        raise Internal(f"cannot open the database {path}: {error}") from error
    return db


def _apply(db: sqlite3.Connection, migration: Migration) -> None:
    row = db.execute("SELECT version FROM schema_version WHERE room = ?", (migration.room,)).fetchone()
    if row and row[0] >= migration.number:
        return
    for statement in migration.script.split(";"):
        if statement.strip():
            db.execute(statement)
    db.execute(
        "INSERT INTO schema_version VALUES (?, ?) ON CONFLICT (room) DO UPDATE SET version = excluded.version",
        (migration.room, migration.number),
    )
