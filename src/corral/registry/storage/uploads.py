"""Upload sessions: a blob that arrives in pieces, perhaps over several connections and with pauses.

A session is a named ingest and nothing else: how far it has come is the length of its file, so that it survives the
server, is seen by all its processes, and costs the index nothing. Its id is a UUID, with the digest algorithm behind it
when that is not sha256; its file's name also tells the repository, so that an id is worth nothing in another one.
"""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections import OrderedDict
from typing import Final

from corral.errors import Conflict
from corral.oci.digest import Digest
from corral.registry.names import clipped
from corral.registry.refusals import (
    DIGEST_INVALID,
    QUOTA,
    TOO_MANY_UPLOADS,
    UPLOAD_BUSY,
    UPLOAD_RANGE,
    UPLOAD_UNKNOWN,
    Refusal,
)
from corral.registry.storage.storage import Storage
from corral.store.content import Ingest, Progress

__all__ = ["ALGORITHMS", "Limits", "Upload", "Uploads"]

ALGORITHMS: Final = ("sha256", "sha384", "sha512")
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:-(sha384|sha512))?")
_REMEMBERED: Final = 1000
_COUNTED_FOR: Final = 2.0
"""Seconds for which sums over the directory are good enough."""


class Limits:
    """``quota``: bytes of everything stored; ``sessions``: unfinished uploads. 0: none."""

    def __init__(self, storage: Storage, quota: int = 0, sessions: int = 0) -> None:
        self._storage = storage
        self.quota = quota
        self.sessions = sessions
        self._used = 0
        self._open = 0
        self._counted = float("-inf")

    def check_room(self, size: int) -> None:
        """Raises Refusal when ``size`` more bytes do not fit."""
        if not self.quota:
            return
        self._count()
        if self._used + size > self.quota:
            raise Refusal(QUOTA, f"{self._used} of {self.quota} bytes are used")
        self._used += size

    def check_session(self) -> None:
        """Raises Refusal when there may not be another."""
        if not self.sessions:
            return
        self._count()
        if self._open >= self.sessions:
            raise Refusal(TOO_MANY_UPLOADS, f"{self._open} of {self.sessions}")
        self._open += 1

    def _count(self) -> None:
        now = time.monotonic()
        if now - self._counted < _COUNTED_FOR:
            return
        self._counted = now
        self._open = sum(1 for _ in self._storage.blobs.ingests.iterdir())
        if self.quota:
            self._used = self._storage.used_bytes()


class Upload:
    """One session that this request writes to. A context; what was written stays behind when it ends."""

    def __init__(self, uploads: Uploads, ingest: Ingest, repository: str, upload_id: str) -> None:
        self._uploads = uploads
        self.ingest = ingest
        self.repository = repository
        self.id = upload_id

    def __enter__(self) -> Upload:
        return self

    def __exit__(self, *_: object) -> None:
        if self.ingest.is_open:
            self._uploads.rest(self)
            self.ingest.close()

    @property
    def written(self) -> int:
        return self.ingest.written

    def expect(self, start: int | None) -> None:
        """Raises Refusal unless the next byte is number ``start``; None: whatever it is."""
        if start is not None and start != self.ingest.written:
            raise Refusal(UPLOAD_RANGE, f"next is byte {self.ingest.written}, not {start}")


class Uploads:
    def __init__(self, storage: Storage, limits: Limits) -> None:
        self._storage = storage
        self.limits = limits
        self._progress: OrderedDict[str, Progress] = OrderedDict()

    def rest(self, upload: Upload) -> None:
        """The session will be continued, most likely by this process: its digest need not be begun again."""
        self._progress[upload.id] = upload.ingest.progress()
        while len(self._progress) > _REMEMBERED:
            self._progress.popitem(last=False)

    def begin(self, repository: str, algorithm: str = "") -> Upload:
        """A new session. Raises Refusal."""
        if algorithm and algorithm not in ALGORITHMS:
            raise Refusal(DIGEST_INVALID, text="unsupported digest algorithm")
        self.limits.check_session()
        suffix = f"-{algorithm}" if algorithm not in ("", "sha256") else ""
        upload_id = f"{uuid.uuid4()}{suffix}"
        return self._open(repository, upload_id)

    def open(self, repository: str, upload_id: str) -> Upload:
        """Raises Refusal when there is none, or another request writes to it."""
        self.offset(repository, upload_id)
        return self._open(repository, upload_id)

    def _open(self, repository: str, upload_id: str) -> Upload:
        algorithm = upload_id.rpartition("-")[2]
        try:
            ingest = self._storage.blobs.session(
                _file_name(repository, upload_id),
                algorithm=algorithm if algorithm in ALGORITHMS else "sha256",
                known=self._progress.pop(upload_id, None),
            )
        except Conflict:
            raise Refusal(UPLOAD_BUSY, upload_id) from None
        return Upload(self, ingest, repository, upload_id)

    def offset(self, repository: str, upload_id: str) -> int:
        """Bytes so far. Raises Refusal."""
        size = None
        if _ID.fullmatch(upload_id):
            size = self._storage.blobs.session_size(_file_name(repository, upload_id))
        if size is None:
            raise Refusal(UPLOAD_UNKNOWN, clipped(upload_id))
        return size

    def cancel(self, repository: str, upload_id: str) -> None:
        """Raises Refusal."""
        with self.open(repository, upload_id) as upload:
            upload.ingest.discard()

    async def finish(self, upload: Upload, digest: Digest) -> int:
        """The blob is there on return. Raises Refusal."""
        return await self._storage.commit(upload.repository, upload.ingest, digest)


def _file_name(repository: str, upload_id: str) -> str:
    return f"{upload_id}-{hashlib.sha256(repository.encode()).hexdigest()[:16]}"
