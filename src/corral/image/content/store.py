"""The content store: immutable blobs, named by their digest.

Lifecycle: `ContentStore.ingest` opens a file in ``ingest/``; what is written to it is digested on the way; ``commit``
checks digest and length, makes the file durable and gives it its name in one rename. A blob that has its name is whole;
what a crash leaves in ``ingest/`` is removed at the next start.

Example::

    with content.ingest(expected=digest) as ingest:
        async for piece in body:
            ingest.write(piece)
        ingest.commit()
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from corral.errors import Invalid, NotFound
from corral.oci.digest import Digest, algorithm_of, digest_of, encoded_of
from corral.store.layout import DataRoot


class Ingest:
    """One blob that is being written. Leaving the context without `commit` discards it."""

    def __init__(self, store: ContentStore, expected: Digest | None, size: int | None) -> None:
        self._store = store
        self._expected = expected
        self._size = size
        self._hash = hashlib.new(algorithm_of(expected) if expected else "sha256")
        self._path = store.data.ingest / secrets.token_hex(16)
        self._file = open(self._path, "xb")  # noqa: SIM115
        self.written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)

    def write(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._file.write(piece)
        self.written += len(piece)

    def commit(self) -> Digest:
        """Raises Invalid when the content is not what was expected. On return it is on disk."""
        digest = Digest(f"{self._hash.name}:{self._hash.hexdigest()}")
        if self._size is not None and self.written != self._size:
            raise Invalid(f"content has {self.written} bytes, expected {self._size}")
        if self._expected is not None and digest != self._expected:
            raise Invalid(f"content has digest {digest}, expected {self._expected}")
        self._file.flush()
        os.fsync(self._file.fileno())
        path = self._store.path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        os.rename(self._path, path)
        _sync_directory(path.parent)
        return digest


class ContentStore:
    def __init__(self, data: DataRoot) -> None:
        self.data = data
        data.ingest.mkdir(parents=True, exist_ok=True)
        data.blobs.mkdir(parents=True, exist_ok=True)

    def clean(self) -> None:
        """At start, before anything is ingested: removes what was not committed."""
        for path in self.data.ingest.iterdir():
            path.unlink()

    def ingest(self, expected: Digest | None = None, size: int | None = None) -> Ingest:
        return Ingest(self, expected, size)

    def write(self, content: bytes) -> Digest:
        """Stores a small blob; free when it is there already."""
        digest = digest_of(content)
        if not self.exists(digest):
            with self.ingest(digest, len(content)) as ingest:
                ingest.write(content)
                ingest.commit()
        return digest

    def path(self, digest: str) -> Path:
        return self.data.blob(algorithm_of(digest), encoded_of(digest))

    def exists(self, digest: str) -> bool:
        return self.path(digest).exists()

    def read(self, digest: str) -> bytes:
        """Raises NotFound."""
        try:
            return self.path(digest).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"content {digest} is not stored") from None

    def delete(self, digest: str) -> None:
        """Idempotent."""
        self.path(digest).unlink(missing_ok=True)

    def digests(self) -> Iterator[Digest]:
        for directory in self.data.blobs.iterdir():
            for path in directory.iterdir():
                yield Digest(f"{directory.name}:{path.name}")


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
