"""The writer: order, isolation of failures, durability by choice."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from corral.errors import Internal
from corral.store import database as database_module
from corral.store.database import Database, Migration

TABLE = [Migration("test", 1, "CREATE TABLE word (text TEXT UNIQUE)")]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "corral.db")
    database.migrate(TABLE)
    yield database
    database.close()


def insert(text: str):
    return lambda db: db.execute("INSERT INTO word VALUES (?)", (text,))


def words(database: Database) -> list[str]:
    return [row[0] for row in database.read("SELECT text FROM word ORDER BY rowid")]


async def test_writes_are_applied_in_order_whatever_their_durability(database: Database) -> None:
    for number in range(20):
        database.submit(insert(str(number)), durable=number % 3 == 0)
    await database.write(insert("last"), durable=False)
    assert words(database) == [*map(str, range(20)), "last"]


async def test_a_failing_write_does_not_hurt_its_neighbours(database: Database) -> None:
    good, bad, more = (database.submit(insert(text)) for text in ("a", "a", "b"))
    with pytest.raises(sqlite3.IntegrityError):
        bad.result(5)
    good.result(5), more.result(5)
    assert words(database) == ["a", "b"]


def test_a_write_that_needs_no_durability_is_committed_without_syncing(database: Database) -> None:
    def level(db: sqlite3.Connection) -> int:
        return db.execute("PRAGMA synchronous").fetchone()[0]

    assert database.submit(level, durable=False).result(5) == 1
    assert database.submit(level, durable=True).result(5) == 2
    assert database.submit(level, durable=False).result(5) == 1


def test_close_waits_for_the_writes_that_were_accepted(tmp_path: Path) -> None:
    database = Database(tmp_path / "corral.db")
    database.migrate(TABLE)
    for number in range(50):
        database.submit(insert(str(number)), durable=False)
    database.close()
    again = Database(tmp_path / "corral.db")
    assert len(words(again)) == 50
    again.close()


def test_a_database_newer_than_the_program_is_refused(tmp_path: Path) -> None:
    database = Database(tmp_path / "corral.db")
    database.migrate([*TABLE, Migration("test", 2, "CREATE TABLE more (n INTEGER)")])
    with pytest.raises(Internal, match="newer than this corral"):
        database.migrate(TABLE)
    database.close()


async def test_lazy_writes_join_the_next_one_or_go_alone_after_a_moment(database: Database) -> None:
    first = database.submit(insert("lazy"), durable=False, lazily=True)
    await database.write(insert("eager"))
    assert first.done()
    assert words(database) == ["lazy", "eager"]
    await asyncio.wait_for(asyncio.wrap_future(database.submit(insert("alone"), durable=False, lazily=True)), 5)
    assert words(database) == ["lazy", "eager", "alone"]


def test_a_lazy_write_without_an_event_loop_goes_at_once(database: Database) -> None:
    database.submit(insert("now"), durable=False, lazily=True).result(5)
    assert words(database) == ["now"]


async def test_a_write_that_nobody_waits_for_any_more_is_made(database: Database) -> None:
    began = threading.Event()
    waiting = asyncio.create_task(database.write(lambda db: began.wait(5) and insert("made")(db)))
    await asyncio.sleep(0)
    waiting.cancel()
    began.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await database.write(insert("next"))
    assert words(database) == ["made", "next"]


def test_a_batch_with_a_write_that_raises_has_the_others_once(database: Database) -> None:
    """They are tried together, then one by one: what the first attempt wrote is gone."""
    hold, calls = threading.Event(), []
    first = database.submit(lambda _: hold.wait(5))
    good = [database.submit(lambda db, n=n: calls.append(n) or insert(str(n))(db).rowcount) for n in range(3)]
    bad = database.submit(lambda _: 1 / 0)
    hold.set()
    assert first.result(5)
    assert [future.result(5) for future in good] == [1, 1, 1]
    with pytest.raises(ZeroDivisionError):
        bad.result(5)
    assert words(database) == ["0", "1", "2"]
    assert calls == [0, 1, 2, 0, 1, 2]


def test_a_database_that_fails_once_takes_the_next_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it cannot even be rolled back, or be opened again at once."""
    database = Database(tmp_path / "db")
    database.submit(lambda db: db.execute("CREATE TABLE t (x)")).result(10)

    def fail(db: sqlite3.Connection) -> None:
        db.close()  # everything raises from here on, rolling back as well
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(Internal):
        database.submit(fail).result(10)
    database.submit(lambda db: db.execute("INSERT INTO t VALUES (1)")).result(10)

    connect = database_module._connect
    monkeypatch.setattr(database_module, "_connect", _refuse)
    for _ in range(2):
        with pytest.raises(Internal):
            database.submit(fail).result(10)
    monkeypatch.setattr(database_module, "_connect", connect)
    database.submit(lambda db: db.execute("INSERT INTO t VALUES (2)")).result(10)
    assert [row[0] for row in database.read("SELECT x FROM t")] == [1, 2]
    database.close()


def _refuse(_: Path) -> sqlite3.Connection:
    raise Internal("disk I/O error")
