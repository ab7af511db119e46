"""The image room's tables, and how they came to be.

::

    layers            one row per layer and driver: identity, parent, where it lies (cache_id), sizes in bytes
    images            one row per image and driver; the configuration itself is a blob named by ``id``
    image_references  names: canonical reference -> image
    image_variants    further images of other platforms that a name means: members of the index that it refers to
    image_origins     what an image looks like in registries: manifest, index, layers (JSON descriptors)
    layer_disk        what a layer takes on disk (bytes of blocks), once it was measured
    image_used        when a container was last made of an image, or it was pulled (nanoseconds)
    blob_edges        which content another content (a manifest, an index) refers to
    layer_blobs       compressed forms of a layer: DiffID -> digest, whether or not the blob is still stored
    blob_sources      repositories that are known to have a blob, for mounts between them
    rw_layers         read-write layers of containers, and the layer each rests on

Content is alive while a path leads to it from ``images`` or ``image_origins`` over ``blob_edges``, or from ``layers``
over ``layer_blobs``: see ``collecting``.
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
    Migration(
        "image",
        2,
        """
        CREATE TABLE image_variants (
            driver TEXT NOT NULL,
            name TEXT NOT NULL,
            image TEXT NOT NULL,
            PRIMARY KEY (driver, name, image)
        ) WITHOUT ROWID;
        CREATE TABLE image_origins (
            driver TEXT NOT NULL,
            image TEXT NOT NULL,
            manifest TEXT NOT NULL,
            index_digest TEXT NOT NULL,
            descriptors TEXT NOT NULL,
            seen_at INTEGER NOT NULL,
            PRIMARY KEY (driver, image, manifest, index_digest)
        ) WITHOUT ROWID;
        CREATE TABLE image_used (
            driver TEXT NOT NULL,
            image TEXT NOT NULL,
            used_at INTEGER NOT NULL,
            PRIMARY KEY (driver, image)
        ) WITHOUT ROWID;
        CREATE TABLE blob_edges (
            parent TEXT NOT NULL,
            child TEXT NOT NULL,
            PRIMARY KEY (parent, child)
        ) WITHOUT ROWID;
        CREATE INDEX blob_edges_child ON blob_edges (child);
        CREATE TABLE layer_blobs (
            diff_id TEXT NOT NULL,
            digest TEXT NOT NULL,
            media_type TEXT NOT NULL,
            size INTEGER NOT NULL,
            seen_at INTEGER NOT NULL,
            PRIMARY KEY (diff_id, digest)
        ) WITHOUT ROWID;
        CREATE TABLE blob_sources (
            digest TEXT NOT NULL,
            repository TEXT NOT NULL,
            seen_at INTEGER NOT NULL,
            PRIMARY KEY (digest, repository)
        ) WITHOUT ROWID
        """,
    ),
    Migration(
        "image",
        3,
        """
        CREATE TABLE layer_disk (
            driver TEXT NOT NULL,
            chain_id TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            PRIMARY KEY (driver, chain_id)
        ) WITHOUT ROWID
        """,
    ),
)


def statement(query: str, parameters: tuple[object, ...]) -> Callable[[sqlite3.Connection], None]:
    """One statement as a write."""

    def run(db: sqlite3.Connection) -> None:
        db.execute(query, parameters)

    return run
