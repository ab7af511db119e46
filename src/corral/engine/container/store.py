"""The records of all containers: in memory for reading, in SQLite for the next daemon.

Memory is changed at once and decides what callers see; the database follows in the same order. A name is taken from
``claim`` to ``remove`` and free in that instant. Look-up by id and name is a dictionary's; by prefix of an id, a
binary search.
"""

from __future__ import annotations

import bisect
import concurrent.futures
import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from corral.engine.container.record import ContainerID, ContainerRecord, decode, encode_definition, encode_state
from corral.errors import Conflict, CorralError, Invalid, NotFound
from corral.store.database import Database, Migration, committed

__all__ = ["ContainerStore"]

_log = logging.getLogger(__name__)

_SET_STATE: Final = "UPDATE container SET state = ? WHERE id = ?"
_MIGRATIONS: Final = [
    Migration(
        "container",
        1,
        """
        CREATE TABLE container (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            definition BLOB NOT NULL,
            state BLOB NOT NULL
        ) WITHOUT ROWID
        """,
    )
]


class ContainerStore:
    """Used on the event loop only. ``durable`` as in `Database.submit`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate(_MIGRATIONS)
        self._records: dict[ContainerID, ContainerRecord] = {}
        self._names: dict[str, ContainerID] = {}
        self._ids: list[str] = []
        for row in database.read("SELECT definition, state FROM container"):
            self._remember(decode(row["definition"], row["state"]))

    def __iter__(self) -> Iterator[ContainerRecord]:
        """All, in no order; safe against changes while iterating."""
        return iter(list(self._records.values()))

    def __len__(self) -> int:
        return len(self._records)

    def get(self, id: str) -> ContainerRecord | None:
        return self._records.get(ContainerID(id))

    def find(self, ref: str) -> ContainerRecord:
        """By full id, name (with or without a slash) or unambiguous prefix of an id, in that order.

        Raises NotFound, Invalid.
        """
        record = self._records.get(ContainerID(ref))
        if record is None and (id := self._names.get(ref.removeprefix("/"))):
            record = self._records.get(id)
        return record or self._by_prefix(ref)

    def _by_prefix(self, ref: str) -> ContainerRecord:
        if not ref:
            raise Invalid("invalid container name or ID: value is empty")
        at = bisect.bisect_left(self._ids, ref)
        if at == len(self._ids) or not self._ids[at].startswith(ref):
            raise NotFound(f"No such container: {ref}", code="no_such_container")
        if at + 1 < len(self._ids) and self._ids[at + 1].startswith(ref):
            raise Invalid(f"multiple IDs found with provided prefix: {ref}")
        return self._records[ContainerID(self._ids[at])]

    def name_is_free(self, name: str) -> bool:
        return name not in self._names

    @contextlib.contextmanager
    def claim(self, name: str, id: ContainerID) -> Iterator[None]:
        """Holds a name while its container is being made, and gives it up if that fails. Raises Conflict."""
        self._take(name, id)
        try:
            yield
        finally:
            if id not in self._records:
                self._names.pop(name, None)

    def _take(self, name: str, id: ContainerID) -> None:
        holder = self._names.setdefault(name, id)
        if holder != id:
            raise Conflict(
                f'Conflict. The container name "/{name}" is already in use by container "{holder}". '
                "You have to remove (or rename) that container to be able to reuse that name.",
                code="name_in_use",
            )

    async def add(self, record: ContainerRecord, *, durable: bool) -> None:
        """Returns once it is committed. Its name must have been claimed: who has it in the database all the same could
        not be removed from there."""
        row = (record.id, record.name, encode_definition(record), encode_state(record.state))
        written = self._submit("INSERT OR REPLACE INTO container VALUES (?, ?, ?, ?)", row, durable=durable)
        await committed(written)
        self._remember(record)

    def set_state(self, id: ContainerID, *, write: bool = True, **changes: Any) -> ContainerRecord:
        """Changes the state; see `ContainerRecord.with_state`. Written soon, in the background, not durably.

        ``write``: false for a state that was written ahead, or is not worth a write because the container is about to
        be removed, by this daemon or the next.
        """
        changed = self._records[id].with_state(**changes)
        self._records[id] = changed
        if write:
            self._submit(_SET_STATE, (encode_state(changed.state), id), lazily=True)
        return changed

    async def write_ahead(self, id: ContainerID, **changes: Any) -> None:
        """Commits what `set_state` will make of the state, so that whoever takes over knows; not durably.

        A failure is only logged: life goes on without a disk.
        """
        state = self._records[id].with_state(**changes).state
        with contextlib.suppress(CorralError, sqlite3.Error):
            await committed(self._submit(_SET_STATE, (encode_state(state), id)))

    async def redefine(self, id: ContainerID, **changes: Any) -> ContainerRecord:
        """Changes anything but the state, durably. A new name must be free; raises Conflict."""
        before = self._records[id]
        record = before.replace(**changes)
        self._take(record.name, id)
        if before.name != record.name:
            del self._names[before.name]
        self._records[id] = record
        row = (record.name, encode_definition(record), id)
        written = self._submit("UPDATE container SET name = ?, definition = ? WHERE id = ?", row, durable=True)
        await committed(written)
        return record

    def remove(self, id: ContainerID, *, durable: bool) -> concurrent.futures.Future[None]:
        """Forgets it at once, name included; the future is done when the database has forgotten it, too."""
        record = self._records.pop(id)
        self._names.pop(record.name, None)
        del self._ids[bisect.bisect_left(self._ids, id)]
        return self._submit("DELETE FROM container WHERE id = ?", (id,), durable=durable, lazily=not durable)

    def _remember(self, record: ContainerRecord) -> None:
        self._records[record.id] = record
        self._names[record.name] = record.id
        bisect.insort(self._ids, record.id)

    def _submit(
        self, statement: str, values: tuple[Any, ...], durable: bool = False, lazily: bool = False
    ) -> concurrent.futures.Future[None]:
        def write(db: sqlite3.Connection) -> None:
            db.execute(statement, values)

        written = self._database.submit(write, durable=durable, lazily=lazily)
        written.add_done_callback(_report)
        return written


def _report(written: concurrent.futures.Future[None]) -> None:
    """Nobody may be waiting for a write, but its failure must not pass unseen."""
    if error := written.exception():
        _log.error("the record of a container could not be written: %s", error)
