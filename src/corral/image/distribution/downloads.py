"""Blobs on their way into the content store: each once, however many wait for it.

A download lives as long as somebody has joined it; when the last one leaves, it is cancelled, and what has come stays
for the next attempt. Bytes go to the ingest file as they come, by a thread; who unpacks them reads them from there
(`Download.opened`), so that neither waits for the other, and nothing is handed on to be believed before its digest is
known: the stream ends only when the whole blob has been verified.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from corral.errors import CorralError, Exhausted, Invalid, NotFound
from corral.image.content.store import ContentStore, Ingest
from corral.image.distribution.board import Topic
from corral.image.distribution.messages import Line
from corral.image.distribution.registry import Repository
from corral.image.distribution.selection import is_foreign
from corral.image.distribution.slots import Slots
from corral.image.fetch import fetch
from corral.image.progress import Report
from corral.image.uninterrupted import uninterrupted
from corral.oci.digest import Digest, short
from corral.oci.image import Descriptor

__all__ = ["Download", "Downloads"]

_PIECE: Final = 1 << 20
_READ: Final = 1 << 18


class Download:
    """One blob. `finished` raises what went wrong, for each who waits."""

    def __init__(self, content: ContentStore, slots: Slots, repository: Repository, blob: Descriptor) -> None:
        self.blob = blob
        self.topic = Topic()
        self._content = content
        self._slots = slots
        self._repository = repository
        self._line = Line(self.topic, short(blob.digest))
        self._written = 0
        self._resumed = False
        self._dropped = False
        self._fd = -1
        self._changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._ended)

    async def finished(self) -> None:
        """The blob is in the store, verified. Raises CorralError."""
        await asyncio.shield(self._task)

    async def ready(self) -> None:
        """There is something to unpack, or nothing more to wait for."""
        while not self._task.done() and (self._resumed or self._written < min(_PIECE, self.blob.size)):
            await asyncio.shield(self._changed)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[AsyncIterator[bytes] | int]:
        """The blob's bytes, while they come or from the store. What cannot be unpacked is blamed on the registry when
        it was not the blob either.
        """
        try:
            if self._task.done() or self._resumed:
                await self.finished()
                with self._content.open(self.blob.digest) as file:
                    yield file.fileno()
            else:
                fd = os.dup(self._fd)
                try:
                    async with contextlib.aclosing(self._follow(fd)) as pieces:
                        yield pieces
                finally:
                    os.close(fd)
        except Invalid as error:
            await self.finished()
            raise Invalid(f"failed to register layer: {error.message}") from error
        except Exhausted as error:
            raise Exhausted(f"failed to register layer: {error.message}") from error

    async def _follow(self, fd: int) -> AsyncGenerator[bytes, None]:
        position = 0
        while True:
            while position < self._written:
                piece = os.pread(fd, min(_READ, self._written - position), position)
                position += len(piece)
                yield piece
            if self._task.done():
                break
            await asyncio.shield(self._changed)
        await self.finished()

    def cancel(self) -> None:
        self._task.cancel()

    def drop(self) -> None:
        """What has come is not to be kept for another attempt."""
        self._dropped = True

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # whoever waits is told; nobody needs to
        self._move()
        if self._fd >= 0:
            os.close(self._fd)

    def _move(self) -> None:
        if not self._changed.done():
            self._changed.set_result(None)
        self._changed = asyncio.get_running_loop().create_future()

    # -- the work

    async def _run(self) -> None:
        if self._content.exists(self.blob.digest):
            self._line.say("Download complete")
            return
        async with self._slots.one(lambda: self._line.say("Waiting")):
            try:
                await self._fetch()
            except Invalid:
                if not self._resumed:
                    raise
                await self._fetch()  # what an earlier attempt had left was not the beginning of it
        self._line.say("Download complete")

    async def _fetch(self) -> None:
        digest = Digest(self.blob.digest)
        with await asyncio.to_thread(self._content.resume, digest, self.blob.size) as ingest:
            self._resumed = ingest.written > 0
            self._written = ingest.written
            if self._fd >= 0:
                os.close(self._fd)
            self._fd = ingest.reading()
            try:
                await self._fill(ingest)
                self._line.say("Verifying Checksum")
                await self._commit(ingest)
            except Invalid:
                ingest.discard()
                raise
            except asyncio.CancelledError:
                if self._dropped:
                    ingest.discard()
                raise
            except OSError as error:
                ingest.discard()
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                raise Exhausted(f"downloading {digest}: no space left on device") from error

    async def _fill(self, ingest: Ingest) -> None:
        try:
            async with self._repository.blob(self.blob, ingest.written) as body:
                await self._take(ingest, aiter(body))
        except NotFound:
            if not is_foreign(self.blob) or not self.blob.urls:
                raise
            await self._fill_from_elsewhere(ingest, self.blob.urls)

    async def _fill_from_elsewhere(self, ingest: Ingest, urls: list[str]) -> None:
        """A foreign layer, from the first of its URLs that has it."""
        for number, url in enumerate(urls, 1):
            ingest.restart()
            self._resumed = True  # nobody follows what may begin again
            try:
                await self._take(ingest, fetch(url))
            except CorralError:
                if number == len(urls):
                    raise
            else:
                return

    async def _take(self, ingest: Ingest, body: AsyncIterator[bytes]) -> None:
        """Writing and waiting for more go on at the same time."""
        writing: asyncio.Task[None] | None = None
        position = ingest.written
        pieces: list[bytes] = []
        size = 0
        try:
            async for piece in body:
                pieces.append(piece)
                size += len(piece)
                position += len(piece)
                if position > self.blob.size:
                    raise Invalid(f"blob {self.blob.digest} is longer than {self.blob.size} bytes")
                self._line.count("Downloading", position, self.blob.size)
                if size >= _PIECE:
                    if writing is not None:
                        await writing
                    writing = asyncio.create_task(self._write(ingest, pieces))
                    pieces, size = [], 0
        finally:  # also what came before it broke off
            if writing is not None:
                await writing
            await self._write(ingest, pieces)

    @uninterrupted
    async def _write(self, ingest: Ingest, pieces: list[bytes]) -> None:
        def write() -> None:
            for piece in pieces:
                ingest.write(piece)
            ingest.flush()

        await asyncio.to_thread(write)
        self._written = ingest.written
        self._move()

    @uninterrupted
    async def _commit(self, ingest: Ingest) -> None:
        try:
            await asyncio.to_thread(ingest.commit)
        except Invalid as error:
            raise Invalid(
                f"filesystem layer verification failed for digest {self.blob.digest}: {error.message}"
            ) from error


class Downloads:
    """``limit``: how many run at once, for all who pull; see `Slots.limit`."""

    def __init__(self, content: ContentStore, limit: int) -> None:
        self._content = content
        self.slots = Slots(limit)
        self._running: dict[str, Download] = {}

    @contextlib.asynccontextmanager
    async def joined(self, repository: Repository, blob: Descriptor, report: Report) -> AsyncIterator[Download]:
        """The download of ``blob``, begun unless it is under way; ``report`` hears of it until the context ends."""
        download = self._running.get(blob.digest)
        if download is None:
            download = Download(self._content, self.slots, repository, blob)
            self._running[blob.digest] = download
        try:
            with download.topic.heard(report):
                yield download
        finally:
            if download.topic.deserted:
                if self._running.get(blob.digest) is download:
                    del self._running[blob.digest]
                download.cancel()
                with contextlib.suppress(asyncio.CancelledError, CorralError, OSError):
                    await download.finished()
