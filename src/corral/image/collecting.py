"""What becomes of content that nothing needs any more.

Content is alive while a path of references leads to it:

- an image needs its configuration, and the manifest and index of each of its origins;
- a manifest or an index needs what it refers to, as far as it is stored (attestations, other platforms);
- a layer needs its compressed forms, if they are kept.

How many refer to one content is a count over ``blob_edges`` and the tables of images and layers, made by SQLite; the
rest goes, unless it is leased (`corral.store.content.Blobs.lease`). Several requests to collect share one run.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from typing import Final

from corral.image.content.store import KEEP_PARTIAL_SECONDS, ContentStore
from corral.store.database import Database

_LOG: Final = logging.getLogger(__name__)
_SOURCES_SECONDS: Final = 90 * 24 * 3600

_LIVE: Final = """
WITH RECURSIVE alive (digest) AS (
    SELECT id FROM images
    UNION SELECT manifest FROM image_origins
    UNION SELECT index_digest FROM image_origins WHERE index_digest <> ''
    {layers}
    UNION SELECT child FROM blob_edges JOIN alive ON parent = digest
)
SELECT digest FROM alive
"""
_LAYERS: Final = "UNION SELECT digest FROM layer_blobs WHERE diff_id IN (SELECT diff_id FROM layers)"


class Collector:
    """``keep_compressed``: whether the compressed forms of layers stay once the layers are unpacked."""

    def __init__(self, database: Database, content: ContentStore, *, keep_compressed: bool = True) -> None:
        self._database = database
        self._content = content
        self._keep_compressed = keep_compressed
        self._lock = asyncio.Lock()

    @property
    def keep_compressed(self) -> bool:
        return self._keep_compressed

    async def run(self) -> int:
        """Removes what nothing needs. Returns the bytes of compressed layers that came back."""
        async with self._lock:
            return await asyncio.to_thread(self._collect)

    def live(self) -> set[str]:
        """Digests of all content that is needed, whether it is stored or not."""
        query = _LIVE.format(layers=_LAYERS if self._keep_compressed else "")
        alive = {row["digest"] for row in self._database.read(query)}
        return alive if self._keep_compressed else alive - self.compressed()

    def compressed(self) -> set[str]:
        """Digests of the compressed forms of layers that are unpacked."""
        query = "SELECT digest FROM layer_blobs WHERE diff_id IN (SELECT diff_id FROM layers)"
        return {row["digest"] for row in self._database.read(query)}

    def references(self, digest: str) -> int:
        """How many images, layers and contents refer to a content directly."""
        query = """
            SELECT (SELECT count(*) FROM images WHERE id = :digest)
                 + (SELECT count(*) FROM image_origins WHERE manifest = :digest OR index_digest = :digest)
                 + (SELECT count(*) FROM blob_edges WHERE child = :digest)
                 + (SELECT count(*) FROM layer_blobs WHERE digest = :digest
                                                       AND diff_id IN (SELECT diff_id FROM layers))
        """
        return int(self._database.read(query.replace(":digest", "?"), (digest,) * 5)[0][0])

    def _collect(self) -> int:
        layers = {row["digest"] for row in self._database.read("SELECT digest FROM layer_blobs")}
        self._database.submit(_forget, durable=False).result()
        gone = self._content.collect(self.live)
        expired = self._content.expire(KEEP_PARTIAL_SECONDS)
        if gone:
            _LOG.info("removed %d contents that nothing needs, %d bytes", len(gone), sum(size for _, size in gone))
        return sum(size for digest, size in gone if digest in layers) + expired


def _forget(db: sqlite3.Connection) -> None:
    """Drops what is recorded of images and layers that are gone."""
    query = _LIVE.format(layers="")
    db.execute(f"DELETE FROM blob_edges WHERE parent NOT IN ({query})")  # noqa: S608
    db.execute("DELETE FROM layer_disk WHERE (driver, chain_id) NOT IN (SELECT driver, chain_id FROM layers)")
    db.execute("DELETE FROM layer_blobs WHERE diff_id NOT IN (SELECT diff_id FROM layers)")
    oldest = time.time_ns() - _SOURCES_SECONDS * 1_000_000_000
    db.execute("DELETE FROM blob_sources WHERE seen_at < ?", (oldest,))
