"""The engine's id: made at the first start on a data root, the same ever after."""

from __future__ import annotations

import sqlite3
import uuid
from typing import Final

from corral.store.database import Database, Migration

__all__ = ["engine_id"]

_MIGRATIONS: Final = (Migration("system", 1, "CREATE TABLE identity (id TEXT NOT NULL)"),)


def engine_id(database: Database) -> str:
    """Blocks for one small transaction when there is none yet."""
    database.migrate(_MIGRATIONS)
    rows = database.read("SELECT id FROM identity")
    return str(rows[0]["id"]) if rows else database.submit(_make).result()


def _make(database: sqlite3.Connection) -> str:
    made = str(uuid.uuid4())
    database.execute("INSERT INTO identity VALUES (?)", (made,))
    return made
