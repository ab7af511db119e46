"""What is asked of upstream, and what is answered from here.

A tag is asked for upstream each time (HEAD), because it may have moved; a digest never. When upstream does not answer,
what was there last is the answer, with a warning in it. Those who miss the same thing at the same time wait for one
request. A blob belongs to a repository only after upstream said so, even if its file is here for another one.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from typing import Final

import msgspec
from aiohttp import StreamReader, web

from corral.errors import Invalid, Unavailable
from corral.oci.digest import Digest, algorithm_of, parse_digest
from corral.registry.measures import Measures
from corral.registry.proxy.download import Download
from corral.registry.proxy.upstream import Upstream
from corral.registry.refusals import (
    BLOB_UNKNOWN,
    DIGEST_INVALID,
    MANIFEST_LARGE,
    MANIFEST_UNKNOWN,
    NAME_UNKNOWN,
    UPSTREAM,
    Refusal,
)
from corral.registry.settings import Proxy
from corral.registry.storage.index import ManifestRow
from corral.registry.storage.manifest import MAXIMUM, parse_manifest
from corral.registry.storage.storage import Storage
from corral.registry.web.answers import answer
from corral.registry.web.blobs import blob_headers, part
from corral.registry.web.service import Call

__all__ = ["Cache"]

log = logging.getLogger(__name__)

_PATIENCE: Final = 120.0
"""Seconds in which a client must take a piece."""
_PIECE: Final = 1 << 20
_TAGS_MAXIMUM: Final = 16 << 20


class _Tags(msgspec.Struct, frozen=True):
    tags: list[str] | None = None


class Cache:
    """An async context; what is under way when it ends is taken up by the next."""

    def __init__(self, proxy: Proxy, storage: Storage, measures: Measures) -> None:
        self._upstream = Upstream(proxy)
        self._storage = storage
        self._measures = measures
        self._asked: dict[tuple[str, str], asyncio.Task[ManifestRow]] = {}
        self._downloads: dict[tuple[str, str], Download] = {}

    async def __aenter__(self) -> Cache:
        await self._upstream.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks: list[asyncio.Task[ManifestRow] | asyncio.Task[None]] = [*self._asked.values()]
        tasks += [download.task for download in self._downloads.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._upstream.__aexit__()

    # -- manifests

    async def manifest(self, repository: str, digest: Digest | None, tag: str) -> tuple[ManifestRow, str]:
        """Raises Refusal."""
        index = self._storage.index
        known = index.manifest(repository, digest) if digest else index.tagged(repository, tag)
        if known is not None and digest:
            self._measures.add("proxy_hits_total")
            return known, ""
        try:
            return await self._ask(repository, digest or tag), ""
        except Unavailable as error:
            log.warning("%s", error)
            if known is None:
                raise Refusal(UPSTREAM, error.message) from None
            self._measures.add("proxy_stale_total")
            return known, "upstream does not answer: this may be out of date"

    async def _ask(self, repository: str, reference: str) -> ManifestRow:
        """As one with whoever asks for the same at the moment."""
        key = (repository, reference)
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._fetch_manifest(repository, reference))
            task.add_done_callback(lambda _: self._asked.pop(key, None))
        return await asyncio.shield(task)

    async def _fetch_manifest(self, repository: str, reference: str) -> ManifestRow:
        path = f"manifests/{reference}"
        is_digest = ":" in reference
        if not is_digest:
            async with self._upstream.request("HEAD", repository, path, MANIFEST_UNKNOWN) as response:
                current = response.headers.get("Docker-Content-Digest", "")
            row = self._storage.index.manifest(repository, current)
            if row is not None:
                tagged = self._storage.index.tagged(repository, reference)
                if tagged is None or tagged.digest != row.digest:
                    await self._store(repository, row.digest, self._storage.content(row), row.media_type, reference)
                self._measures.add("proxy_hits_total")
                return row
        self._measures.add("proxy_misses_total")
        async with self._upstream.request("GET", repository, path, MANIFEST_UNKNOWN) as response:
            content = await _body(response.content, MAXIMUM)
            media_type = response.headers.get("Content-Type", "")
        digest = _checked(content, reference if is_digest else "")
        await self._store(repository, digest, content, media_type, "" if is_digest else reference)
        row = self._storage.index.manifest(repository, digest)
        assert row is not None
        return row

    async def _store(self, repository: str, digest: Digest, content: bytes, media_type: str, tag: str) -> None:
        manifest = parse_manifest(content, media_type)
        await self._storage.put_manifest(repository, digest, content, manifest, (tag,) if tag else (), complete=False)

    # -- blobs

    async def blob_size(self, repository: str, digest: Digest) -> int:
        """Raises Refusal."""
        try:
            async with self._upstream.request("HEAD", repository, f"blobs/{digest}", BLOB_UNKNOWN) as response:
                return int(response.headers.get("Content-Length", "0"))
        except (Unavailable, ValueError) as error:
            raise Refusal(UPSTREAM, str(error)) from None

    async def send_blob(self, call: Call, digest: Digest) -> web.StreamResponse | None:
        """Raises Refusal."""
        size = self._storage.blobs.size(digest)
        if size is not None and await self.blob_size(call.repository, digest) == size:
            await asyncio.to_thread(self._link, call.repository, digest)
            return None
        self._measures.add("proxy_misses_total")
        key = (call.repository, digest)
        download = self._downloads.get(key)
        if download is None:
            download = Download(self._storage, self._upstream, call.repository, digest)
            self._downloads[key] = download
            download.task.add_done_callback(lambda _: self._downloads.pop(key, None))
        size = await download.begun()
        if download.done:
            return None
        return await _send(call, digest, download, size)

    def _link(self, repository: str, digest: Digest) -> None:
        with self._storage.gate.held_open():
            size = self._storage.blobs.size(digest)
            if size is None:
                raise Refusal(BLOB_UNKNOWN, digest)
            self._storage.index.link(repository, digest, size)

    # -- lists

    async def tags(self, repository: str) -> list[str] | None:
        """Raises Refusal."""
        try:
            async with self._upstream.request("GET", repository, "tags/list", NAME_UNKNOWN) as response:
                return msgspec.json.decode(await _body(response.content, _TAGS_MAXIMUM), type=_Tags).tags or []
        except (Unavailable, msgspec.DecodeError) as error:
            log.warning("tags of %s: %s", repository, error)
            return None

    async def referrers(self, repository: str, digest: Digest) -> bytes | None:
        try:
            async with self._upstream.request("GET", repository, f"referrers/{digest}", MANIFEST_UNKNOWN) as response:
                return await _body(response.content, MAXIMUM)
        except (Unavailable, Refusal):
            return None


async def _send(call: Call, digest: Digest, download: Download, size: int) -> web.StreamResponse:
    """What of it has arrived, and the rest as it does."""
    headers = blob_headers(digest)
    status, offset, count = part(call.request.headers.get("Range", ""), size, headers)
    if status == 416:
        return answer(status, headers)
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = count
    end = offset + count
    with download.reader() as source:
        prepared = False
        while offset < end:
            try:
                ready = min(await download.ready(offset), end)
            except Refusal:
                if not prepared:
                    raise
                raise ConnectionResetError("upstream failed in the middle of the blob") from None
            if not prepared:
                await response.prepare(call.request)
                prepared = True
            while offset < ready:
                piece = os.pread(source.fileno(), min(ready - offset, _PIECE), offset)
                if not piece:
                    raise ConnectionResetError("the blob was begun anew")
                try:
                    async with asyncio.timeout(_PATIENCE):
                        await response.write(piece)
                except TimeoutError:
                    raise ConnectionResetError("client is too slow") from None
                offset += len(piece)
        if not prepared:
            await response.prepare(call.request)
    call.service.measures.add("sent_bytes_total", count)
    await response.write_eof()
    return response


async def _body(content: StreamReader, maximum: int) -> bytes:
    """Raises Refusal."""
    gathered = bytearray()
    async for piece in content.iter_any():
        gathered += piece
        if len(gathered) > maximum:
            raise Refusal(MANIFEST_LARGE, f"upstream sends more than {maximum} bytes")
    return bytes(gathered)


def _checked(content: bytes, expected: str) -> Digest:
    """Its digest. Raises Refusal when another was expected."""
    try:
        algorithm = algorithm_of(parse_digest(expected)) if expected else "sha256"
    except Invalid as error:
        raise Refusal(DIGEST_INVALID, text=error.message) from None
    digest = Digest(f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")
    if expected and digest != expected:
        raise Refusal(DIGEST_INVALID, f"upstream sends content with digest {digest}")
    return digest
