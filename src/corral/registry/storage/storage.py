"""Blobs and their index as one thing, and the order in which both change.

What is acknowledged is durable: the content is synced and has its name, then the index is committed, then the caller
goes on. In between nothing refers to the content, so that nobody sees it.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Sequence
from typing import IO, Final

from corral.errors import Invalid, NotFound
from corral.oci.digest import Digest
from corral.registry.refusals import BLOB_UNKNOWN, DIGEST_INVALID, MANIFEST_UNKNOWN, Refusal
from corral.registry.storage.gate import Gate
from corral.registry.storage.index import Condition, Index, ManifestRow
from corral.registry.storage.manifest import Parsed
from corral.store.content import Blobs, Ingest
from corral.store.database import Database
from corral.store.layout import RegistryRoot

__all__ = ["Storage"]

_CACHED: Final = 16 << 20
"""Bytes of manifests kept in memory: most of what is pulled is pulled again."""
_CACHEABLE: Final = 256 << 10


class Storage:
    def __init__(self, root: RegistryRoot) -> None:
        self.root = root
        root.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.blobs = Blobs(root.blobs, root.ingest)
        self.database = Database(root.database)
        self.index = Index(self.database)
        self.gate = Gate(root.gate)
        self._contents: OrderedDict[str, bytes] = OrderedDict()
        self._cached = 0

    def close(self) -> None:
        self.database.close()

    # -- blobs

    def blob(self, repository: str, digest: Digest) -> int:
        """Bytes. Raises Refusal."""
        size = self.index.blob(repository, digest)
        if size is None:
            raise Refusal(BLOB_UNKNOWN, digest)
        return size

    def open_blob(self, digest: Digest) -> IO[bytes]:
        """Raises Refusal."""
        try:
            return self.blobs.open(digest)
        except NotFound:
            raise Refusal(BLOB_UNKNOWN, digest) from None

    async def commit(self, repository: str, ingest: Ingest, digest: Digest) -> int:
        """The upload becomes a blob of the repository: on disk and visible on return. Its size.

        Raises Refusal when the content has another digest; it is gone then.
        """
        return await asyncio.to_thread(self._commit, repository, ingest, digest)

    def _commit(self, repository: str, ingest: Ingest, digest: Digest) -> int:
        with self.gate.held_open():
            try:
                ingest.commit(digest)
            except Invalid as error:
                raise Refusal(DIGEST_INVALID, error.message) from None
            self.index.link(repository, digest, ingest.written)
        return ingest.written

    # -- manifests

    def find_manifest(self, repository: str, digest: Digest | None, tag: str) -> ManifestRow:
        """Raises Refusal."""
        row = self.index.manifest(repository, digest) if digest else self.index.tagged(repository, tag)
        if row is None:
            raise Refusal(MANIFEST_UNKNOWN, digest or tag)
        return row

    def content(self, row: ManifestRow) -> bytes:
        """A manifest's bytes. Raises Refusal."""
        content = self._contents.get(row.digest)
        if content is not None:
            self._contents.move_to_end(row.digest)
            return content
        try:
            content = self.blobs.read(row.digest)
        except NotFound:
            raise Refusal(MANIFEST_UNKNOWN, row.digest) from None
        self._remember(row.digest, content)
        return content

    def _remember(self, digest: str, content: bytes) -> None:
        if len(content) > _CACHEABLE:
            return
        self._contents[digest] = content
        self._cached += len(content)
        while self._cached > _CACHED:
            self._cached -= len(self._contents.popitem(last=False)[1])

    async def put_manifest(
        self,
        repository: str,
        digest: Digest,
        content: bytes,
        manifest: Parsed,
        tags: Sequence[str] = (),
        *,
        condition: Condition | None = None,
        complete: bool = True,
    ) -> None:
        """On disk and visible on return. ``digest`` is the content's. Raises Refusal."""
        await asyncio.to_thread(
            self._put_manifest, repository, digest, content, manifest, tags, condition=condition, complete=complete
        )

    def _put_manifest(
        self,
        repository: str,
        digest: Digest,
        content: bytes,
        manifest: Parsed,
        tags: Sequence[str],
        *,
        condition: Condition | None,
        complete: bool,
    ) -> None:
        with self.gate.held_open():
            if not self.blobs.exists(digest):
                with self.blobs.ingest(digest, len(content)) as ingest:
                    ingest.write(content)
                    ingest.commit()
            self.index.put_manifest(
                repository, digest, len(content), manifest, tags, condition=condition, complete=complete
            )

    # -- sums

    def used_bytes(self) -> int:
        """Of all that is stored or being uploaded."""
        pending = 0
        for entry in os.scandir(self.blobs.ingests):
            try:
                pending += entry.stat().st_size
            except FileNotFoundError:
                continue
        return self.index.stored_bytes() + pending
