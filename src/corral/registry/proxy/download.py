"""One blob on its way in, read by any number of clients while it arrives.

It goes on when they leave: what is half there may as well be whole. It is taken up where it broke off. The last piece
is kept from everybody until the digest is known to be right, so that nobody takes something else for the blob.
"""

from __future__ import annotations

import asyncio
import logging
from typing import IO, Final

from corral.errors import CorralError, Unavailable
from corral.oci.digest import Digest
from corral.registry.proxy.upstream import Upstream
from corral.registry.refusals import BLOB_UNKNOWN, DIGEST_INVALID, SIZE_INVALID, UPSTREAM, Refusal
from corral.registry.storage.storage import Storage
from corral.store.content import Ingest

__all__ = ["Download"]

log = logging.getLogger(__name__)

_ATTEMPTS: Final = 4
_PAUSE: Final = 0.5
_HELD_BACK: Final = 64 << 10
_PIECE: Final = 256 << 10


class Download:
    """``size`` is known once `begun` returns; `ready` tells how much may be read from `reader`."""

    def __init__(self, storage: Storage, upstream: Upstream, repository: str, digest: Digest) -> None:
        self._storage = storage
        self._upstream = upstream
        self._repository = repository
        self._digest = digest
        self._changed = asyncio.Event()
        self._failure: Exception | None = None
        self._ingest: Ingest | None = None
        self.size: int | None = None
        self.done = False
        self.task = asyncio.create_task(self._run())

    async def begun(self) -> int:
        """Its size. Raises Refusal."""
        while self.size is None:
            await self._change()
        return self.size

    def reader(self) -> IO[bytes]:
        """The file that it is written to."""
        assert self._ingest is not None
        return self._ingest.reader()

    async def ready(self, offset: int) -> int:
        """Waits until there is something behind ``offset``; where what may be read ends. Raises Refusal."""
        while True:
            if self.done:
                assert self.size is not None
                return self.size
            if self._ingest is not None and self.size is not None:
                end = min(self._ingest.written, self.size - _HELD_BACK)
                if end > offset:
                    return end
            await self._change()

    async def _change(self) -> None:
        if self._failure is not None:
            raise self._failure
        await self._changed.wait()
        if self._failure is not None:
            raise self._failure

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _run(self) -> None:
        try:
            await self._fetch()
            self.done = True
        except Refusal as error:
            self._failure = error
        except (CorralError, OSError) as error:
            log.warning("%s of %s: %s", self._digest, self._repository, error)
            self._failure = Refusal(UPSTREAM, str(error))
        finally:
            if self._ingest is not None:
                self._ingest.close()
            if not self.done and self._failure is None:
                self._failure = Refusal(UPSTREAM, "the cache is shutting down")
            self._tell()

    async def _fetch(self) -> None:
        self._ingest = ingest = await asyncio.to_thread(self._storage.blobs.resume, self._digest)
        for attempt in range(_ATTEMPTS):
            try:
                await self._read_on(ingest)
                break
            except Unavailable as error:
                if attempt == _ATTEMPTS - 1:
                    raise
                log.info("%s of %s: %s: trying again", self._digest, self._repository, error)
                await asyncio.sleep(_PAUSE * 2**attempt)
        await self._storage.commit(self._repository, ingest, self._digest)

    async def _read_on(self, ingest: Ingest) -> None:
        """Raises Unavailable when it breaks off."""
        begin = ingest.written
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        async with self._upstream.request(
            "GET", self._repository, f"blobs/{self._digest}", BLOB_UNKNOWN, headers
        ) as response:
            if begin and response.status != 206:
                ingest.restart()
            self._learn_size(ingest.written, response.content_length)
            async for piece in response.content.iter_chunked(_PIECE):
                if self.size is not None and ingest.written + len(piece) > self.size:
                    ingest.discard()
                    raise Refusal(SIZE_INVALID, f"upstream sends more than the {self.size} bytes of {self._digest}")
                await asyncio.to_thread(_write, ingest, piece)
                self._tell()
        if self.size is not None and ingest.written < self.size:
            raise Unavailable("upstream ended before the blob did")

    def _learn_size(self, written: int, length: int | None) -> None:
        if length is None:
            raise Refusal(UPSTREAM, "upstream does not tell a blob's size")
        if self.size is not None and self.size != written + length:
            raise Refusal(DIGEST_INVALID, "upstream has changed the blob's size")
        self.size = written + length
        self._tell()


def _write(ingest: Ingest, piece: bytes) -> None:
    ingest.write(piece)
    ingest.flush()
