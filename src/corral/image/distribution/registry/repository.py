"""One repository of one registry, whichever servers that turns out to be; see the package's text."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from types import TracebackType
from typing import Self, TypeVar

from corral.errors import NotFound
from corral.image.distribution.registry import blobs, manifests, referrers, tags, uploads
from corral.image.distribution.registry.channel import Channel
from corral.image.distribution.registry.credentials import Credentials
from corral.image.distribution.registry.faults import Fault
from corral.image.distribution.registry.manifests import ManifestContent
from corral.image.distribution.registry.request import Body
from corral.image.distribution.registry.route import Route
from corral.image.distribution.registry.uploads import Progress
from corral.image.distribution.registry.words import translate
from corral.oci.digest import Digest, parse_digest
from corral.oci.image import Descriptor, Index
from corral.oci.reference import Reference

T = TypeVar("T")


class BlobBody:
    """The bytes of a blob, from ``offset`` on, once. Iterating raises as `Repository` does."""

    def __init__(self, pieces: AsyncIterator[bytes], offset: int, size: int) -> None:
        self._pieces = pieces
        self.offset = offset
        self.size = size

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces


class Repository:
    def __init__(
        self, reference: Reference, route: Route, credentials: Credentials, *, push: bool, explained: bool
    ) -> None:
        self.reference = reference
        self._route = route
        self._credentials = credentials
        self._push = push
        self._explained = explained
        self._sessions: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Connections are the pool's; what is left are sessions of mounts that the registry did not make."""
        for location in self._sessions.values():
            with contextlib.suppress(Fault):
                await self._route.of(lambda channel, location=location: uploads.cancel(channel, location))  # type: ignore[misc]
        self._sessions.clear()

    async def resolve(self, tag_or_digest: str) -> Descriptor:
        """What a tag, or a digest, stands for, without its content where the registry tells."""
        return await self._do(lambda channel: manifests.resolve(channel, self.reference.path, tag_or_digest))

    async def manifest(self, wanted: str | Descriptor) -> ManifestContent:
        """Of a tag, a digest or a descriptor; whole, and what its digest says."""
        return await self._do(lambda channel: manifests.get(channel, self.reference.path, wanted))

    @contextlib.asynccontextmanager
    async def blob(self, descriptor: Descriptor, offset: int = 0) -> AsyncIterator[BlobBody]:
        """Exactly ``descriptor.size - offset`` bytes; whether they are the right ones is for their reader to check."""
        parse_digest(descriptor.digest)
        async with aclosing(self._pieces(descriptor, offset)) as pieces:
            yield BlobBody(pieces, offset, descriptor.size)

    async def blob_exists(self, digest: Digest) -> int | None:
        """Its size, when this repository is known to have it."""
        return await self._do(lambda channel: blobs.exists(channel, self.reference.path, digest))

    async def mount(self, digest: Digest, source_repository: str) -> bool:
        """``source_repository``: the path of one in the same registry. False: the blob has to be uploaded."""
        location = await self._do(
            lambda channel: uploads.mount(channel, self.reference.path, digest, source_repository)
        )
        if location is not None:
            self._sessions[digest] = location
        return location is None

    async def upload(
        self, digest: Digest | Callable[[], Digest], size: int | None, open: Body, progress: Progress | None = None
    ) -> None:
        """``open`` starts the bytes, anew for each attempt. A ``digest`` that is known only when they have all been
        made is asked for then, and ``size`` may be None: it goes in pieces, of which one is held in memory.
        """

        async def upload(channel: Channel) -> None:
            session = "" if callable(digest) else self._sessions.pop(digest, "")
            await uploads.Upload(channel, self.reference.path, digest, size, open, progress or _silent).run(session)

        await self._do(upload)

    async def put_manifest(self, tag_or_digest: str, content: bytes, media_type: str) -> Digest:
        return await self._do(
            lambda channel: manifests.put(channel, self.reference.path, tag_or_digest, content, media_type)
        )

    async def tags(self) -> AsyncIterator[str]:
        """All, as the registry orders them."""
        with self._words():
            async with aclosing(self._route.open()) as channels:
                async for channel in channels:
                    begun = False
                    try:
                        async for tag in tags.tags(channel, self.reference.path):
                            begun = True
                            yield tag
                        return
                    except Fault:
                        if begun or channel.endpoint.mirror is None:
                            raise
        raise NotFound(f"no tags found for {self.reference.familiar_name}")

    async def referrers(self, digest: Digest, artifact_type: str = "") -> Index:
        """What has ``digest`` as its subject; an empty index where the registry knows of none."""
        return await self._do(lambda channel: referrers.referrers(channel, self.reference.path, digest, artifact_type))

    async def _pieces(self, descriptor: Descriptor, offset: int) -> AsyncGenerator[bytes, None]:
        """From one server after the other, each going on where the one before stopped: the digest names the bytes."""
        download = blobs.Download(self.reference.path, descriptor, offset)
        last: Fault | None = None
        with self._words():
            async with aclosing(self._route.open()) as channels:
                async for channel in channels:
                    try:
                        async with aclosing(download.pieces(channel)) as pieces:
                            async for piece in pieces:
                                yield piece
                        return
                    except Fault as fault:
                        if channel.endpoint.mirror is None:
                            raise
                        last = fault
            if last is not None:
                raise last

    async def _do(self, work: Callable[[Channel], Awaitable[T]]) -> T:
        with self._words():
            return await self._route.of(work)

    @contextlib.contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except Fault as fault:
            reference = self.reference if self._explained else None
            raise translate(fault, reference, self._credentials, bare=self._push) from None


def _silent(sent: int) -> None:
    pass
