"""Compressed forms of layers: which blob holds the tar of which layer, and which repositories have it.

What is known here outlives the blob itself: a layer whose blob was dropped can still be found in a registry by its
digest, and need not be sent there again.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from corral.image.schema import statement
from corral.oci.digest import DiffID
from corral.oci.image import Descriptor
from corral.store.database import Database

_LOG: Final = logging.getLogger(__name__)
_SOURCES_MAXIMUM: Final = 16


class LayerBlobs:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, diff_id: DiffID) -> tuple[Descriptor, ...]:
        """Every form that was seen, newest first."""
        query = "SELECT digest, media_type, size FROM layer_blobs WHERE diff_id = ? ORDER BY seen_at DESC, digest"
        return tuple(
            Descriptor(media_type=row["media_type"], digest=row["digest"], size=row["size"])
            for row in self._database.read(query, (diff_id,))
        )

    def setting(self, diff_id: DiffID, blob: Descriptor) -> Callable[[sqlite3.Connection], None]:
        """The write that remembers a form, for a transaction of the caller's."""
        row = (diff_id, blob.digest, blob.media_type, blob.size, time.time_ns())
        return statement("INSERT OR REPLACE INTO layer_blobs VALUES (?, ?, ?, ?, ?)", row)

    async def remember(self, diff_id: DiffID, blob: Descriptor) -> None:
        await self._database.write(self.setting(diff_id, blob))

    def remember_source(self, digest: str, repository: str) -> None:
        """``repository``: domain and path. Not waited for: at worst a blob is sent that need not have been."""
        row = (digest, repository, time.time_ns())
        insert = statement("INSERT OR REPLACE INTO blob_sources VALUES (?, ?, ?)", row)
        self._database.submit(insert, durable=False, lazily=True).add_done_callback(_report)

    def forget_source(self, digest: str, repository: str) -> None:
        """When the repository turned out not to have it."""
        delete = statement("DELETE FROM blob_sources WHERE digest = ? AND repository = ?", (digest, repository))
        self._database.submit(delete, durable=False, lazily=True).add_done_callback(_report)

    def sources(self, digest: str, domain: str) -> list[str]:
        """Paths of the repositories of a registry that are known to have the blob, most recently seen first."""
        query = (
            "SELECT repository FROM blob_sources WHERE digest = ? AND substr(repository, 1, ?) = ? "
            "ORDER BY seen_at DESC LIMIT ?"
        )
        prefix = f"{domain}/"
        rows = self._database.read(query, (digest, len(prefix), prefix, _SOURCES_MAXIMUM))
        return [row["repository"].removeprefix(prefix) for row in rows]


def _report(future: Future[None]) -> None:
    if error := future.exception():
        _LOG.error("cannot record where a blob is: %s", error)
