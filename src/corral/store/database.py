"""The one SQLite database: WAL, one writer thread with group commit, durability by choice of the writer.

Writes are functions of a connection. Those that arrive while a commit is under way share the next one, so that
thirty concurrent creates pay for a few fsyncs and not for thirty. A write's future resolves only after the commit
that contains it; a write that raises is rolled back alone (savepoint) and does not hurt its neighbours.

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
import dataclasses
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from corral.errors import Internal

__all__ = ["Database", "Migration"]

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
        self._queue: collections.deque[_Write] = collections.deque()
        self._wake = threading.Condition()
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
        with self._wake:
            if self._closing:
                raise Internal(f"{self.path}: database is closed")
            self._queue.append(write)
            if not (lazily and self._wake_later()):
                self._wake.notify()
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
        with self._wake:
            self._wake.notify()

    async def write(self, action: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """`submit`, awaited. Cancelling the caller does not cancel the write."""
        return await asyncio.shield(asyncio.wrap_future(self.submit(action, durable=durable)))

    def read(self, query: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Runs one SELECT on a connection of its own: it sees what was committed before."""
        with self._reader_lock:
            return self._reader.execute(query, parameters).fetchall()

    def close(self) -> None:
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._reader.close()

    def _run(self) -> None:
        db = _connect(self.path)
        try:
            while batch := self._next_batch():
                self._commit(db, batch)
        finally:
            db.close()

    def _next_batch(self) -> list[_Write]:
        with self._wake:
            while not self._queue and not self._closing:
                self._wake.wait()
            batch = list(self._queue)
            self._queue.clear()
            return batch

    def _commit(self, db: sqlite3.Connection, batch: list[_Write]) -> None:
        done: list[tuple[_Write, Any]] = []
        try:
            self._synchronous(db, any(write.durable for write in batch))
            db.execute("BEGIN IMMEDIATE")
            for write in batch:
                db.execute("SAVEPOINT one")
                try:
                    result = write.action(db)
                except BaseException as error:  # handed to the caller, whatever it is
                    db.execute("ROLLBACK TO one")
                    write.future.set_exception(error)
                else:
                    done.append((write, result))
                db.execute("RELEASE one")
            db.execute("COMMIT")
        except sqlite3.Error as error:
            if db.in_transaction:
                db.rollback()
            failure = Internal(f"{self.path}: {error}")
            for write in batch:
                if not write.future.done():
                    write.future.set_exception(failure)
            return
        for write, result in done:
            write.future.set_result(result)

    def _synchronous(self, db: sqlite3.Connection, full: bool) -> None:
        """FULL or NORMAL for the next transaction: the pragma has no effect within one."""
        if full != self._full:
            db.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")
            self._full = full


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
