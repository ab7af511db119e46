"""The image room's tables, and how they came to be.

::

    layers            one row per layer and driver: identity, parent, where it lies (cache_id), sizes in bytes
    images            one row per image and driver; the configuration itself is a blob named by ``id``
    image_references  names: canonical reference -> image
    rw_layers         read-write layers of containers, and the layer each rests on
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

from corral.store.database import Migration

MIGRATIONS: Final = (
    Migration(
        "image",
        1,
        """
        CREATE TABLE layers (
            driver TEXT NOT NULL,
            chain_id TEXT NOT NULL,
            diff_id TEXT NOT NULL,
            parent TEXT NOT NULL,
            cache_id TEXT NOT NULL UNIQUE,
            size INTEGER NOT NULL,
            tar_size INTEGER NOT NULL,
            PRIMARY KEY (driver, chain_id)
        ) WITHOUT ROWID;
        CREATE TABLE images (
            driver TEXT NOT NULL,
            id TEXT NOT NULL,
            parent TEXT NOT NULL,
            stored_at INTEGER NOT NULL,
            tagged_at INTEGER NOT NULL,
            PRIMARY KEY (driver, id)
        ) WITHOUT ROWID;
        CREATE TABLE image_references (
            driver TEXT NOT NULL,
            name TEXT NOT NULL,
            image TEXT NOT NULL,
            PRIMARY KEY (driver, name)
        ) WITHOUT ROWID;
        CREATE TABLE rw_layers (
            driver TEXT NOT NULL,
            container_id TEXT NOT NULL,
            parent TEXT NOT NULL,
            PRIMARY KEY (driver, container_id)
        ) WITHOUT ROWID
        """,
    ),
)


def statement(query: str, parameters: tuple[object, ...]) -> Callable[[sqlite3.Connection], None]:
    """One statement as a write."""

    def run(db: sqlite3.Connection) -> None:
        db.execute(query, parameters)

    return run
