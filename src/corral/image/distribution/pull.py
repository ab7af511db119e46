"""``docker pull``: from a name to an image.

What the name refers to is asked for first; an index is narrowed down to one platform, its manifest names configuration
and layers, and what is not here yet of these is fetched. Layers are downloaded and unpacked several at once, each
verified twice: the blob against its digest, the tar in it against the DiffID that the configuration names. The image
gets its names in the transaction that makes it exist; before that nothing of it can be seen, and what was fetched is
only garbage, or the beginning of the next attempt.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from corral.errors import Exhausted, Internal, Invalid
from corral.image.content.store import ContentStore
from corral.image.distribution import selection
from corral.image.distribution.board import Board
from corral.image.distribution.downloads import Download, Downloads
from corral.image.distribution.messages import Line, layer, plain
from corral.image.distribution.registry import ManifestContent, Repository
from corral.image.layer.store import LayerStore, Part, Source
from corral.image.progress import Report
from corral.image.record import Image, Origin
from corral.image.store import ImageStore, platform_of
from corral.oci.digest import ChainID, DiffID, Digest, ImageID, chain_ids, digest_of, short
from corral.oci.image import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    SCHEMA1_TYPES,
    Descriptor,
    ImageConfig,
    Manifest,
    decode_config,
    decode_index,
    decode_manifest,
    refuse_schema1,
)
from corral.oci.platform import Platform, acceptable, host_platform, host_preference, rank
from corral.oci.reference import Reference

__all__ = ["Pull", "Pulled"]


@dataclass(frozen=True, slots=True)
class Pulled:
    """``newer``: the name did not mean this image before. ``fits``: it is for the platform that was asked for."""

    image: Image
    newer: bool
    fits: bool


class Pull:
    """One name from one repository; `run` once. ``platform`` None: what suits this host best."""

    def __init__(
        self,
        images: ImageStore,
        downloads: Downloads,
        board: Board,
        repository: Repository,
        platform: Platform | None,
        report: Report,
    ) -> None:
        self._images = images
        self._content: ContentStore = images.content
        self._layers: LayerStore = images.layers
        self._downloads = downloads
        self._board = board
        self._repository = repository
        self._platform = platform
        self._report = report

    async def run(self, reference: Reference) -> Pulled:
        """``reference`` has a tag or a digest. Raises NotFound, Unauthorized, Forbidden, Unavailable, Invalid,
        Unsupported, Exhausted, in Docker's words.
        """
        with self._content.lease():
            target = await self._repository.resolve(reference.digest or reference.tag)
            head = await self._manifest(target)
            if head.media_type in MANIFEST_TYPES:
                selection.check_media_types(decode_manifest(head.content))
            self._report(plain(f"Pulling from {reference.path}", _shown(reference)))
            origin, manifest = await self._narrowed(head, reference)
            selection.check_manifest(manifest)
            content = await self._config(manifest.config)
            config = decode_config(content)
            selection.check_config(config, manifest)
            image_id = ImageID(digest_of(content))
            pinned = Reference(reference.domain, reference.path, digest=target.digest)
            tagged = None if reference.digest else reference
            known = self._images.references.members(tagged or pinned)
            if image_id in known and image_id in self._images.references.members(pinned):
                image = self._images.get(image_id)
            else:
                async with self._stack(image_id, config, manifest):
                    image = await self._images.create(content, tagged, origin=origin, digest_reference=pinned)
        for one in manifest.layers:
            self._layers.remember_source(one.digest, reference.name)
        self._report(plain(f"Digest: {target.digest}"))
        return Pulled(image, image_id not in known, self._fits(image))

    def _fits(self, image: Image) -> bool:
        return self._platform is None or rank(acceptable(self._platform), platform_of(image)) is not None

    # -- what is to be had

    async def _manifest(self, descriptor: Descriptor) -> ManifestContent:
        """Its bytes, in the store when this returns."""
        if self._content.exists(descriptor.digest):
            content = self._content.read(descriptor.digest)
            return ManifestContent(content, descriptor.media_type, Digest(descriptor.digest))
        found = await self._repository.manifest(descriptor)
        await asyncio.to_thread(self._keep, found)
        return found

    def _keep(self, found: ManifestContent) -> None:
        with self._content.ingest(found.digest, len(found.content)) as ingest:
            ingest.write(found.content)
            ingest.commit()

    async def _narrowed(self, head: ManifestContent, reference: Reference) -> tuple[Origin, Manifest]:
        """The manifest of one image."""
        index = None
        if head.media_type in INDEX_TYPES:
            index = head.descriptor
            preference = host_preference() if self._platform is None else acceptable(self._platform)
            wanted = self._platform or host_platform()
            head = await self._manifest(selection.choose(decode_index(head.content), preference, wanted))
        if head.media_type in SCHEMA1_TYPES:
            raise refuse_schema1(reference.familiar)
        if head.media_type not in MANIFEST_TYPES:
            raise Invalid(f"unsupported media type {head.media_type}")
        manifest = decode_manifest(head.content, reference.familiar)
        return Origin(head.descriptor, index, tuple(manifest.layers)), manifest

    async def _config(self, descriptor: Descriptor) -> bytes:
        if self._content.exists(descriptor.digest):
            return self._content.read(descriptor.digest)
        async with self._repository.blob(descriptor) as body:
            content = b"".join([piece async for piece in body])
        try:
            found = ManifestContent(content, descriptor.media_type, Digest(descriptor.digest))
            await asyncio.to_thread(self._keep, found)
        except Invalid:
            raise Invalid(f"image config verification failed for digest {descriptor.digest}") from None
        return content

    # -- layers

    @contextlib.asynccontextmanager
    async def _stack(self, image_id: ImageID, config: ImageConfig, manifest: Manifest) -> AsyncIterator[None]:
        """The image's layers are there as long as the context lasts."""
        if image_id in self._images:
            async with self._layers.hold(chain_ids(config.diff_ids)[-1:]):
                yield
            return
        chain = chain_ids(config.diff_ids)
        present = sum(1 for chain_id in chain if chain_id in self._layers)
        for number, blob in enumerate(manifest.layers):
            text = "Already exists" if number < present else "Pulling fs layer"
            self._report(layer(short(blob.digest), text))
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self._layers.hold(chain[:present][-1:]))
            parts = [Part(diff_id, _never) for diff_id in config.diff_ids[:present]]
            downloads: dict[str, Download] = {}
            missing = list(zip(manifest.layers, config.diff_ids, chain, strict=True))[present:]
            for blob, diff_id, chain_id in missing:
                if blob.digest not in downloads:
                    joining = self._downloads.joined(self._repository, blob, self._report)
                    downloads[blob.digest] = await stack.enter_async_context(joining)
                parts.append(self._part(stack, blob, diff_id, chain_id, downloads[blob.digest]))
            try:
                await stack.enter_async_context(self._layers.unpacked_stack(parts))
            except Exhausted:
                for download in downloads.values():
                    download.drop()
                raise
            yield

    def _part(
        self,
        stack: contextlib.AsyncExitStack,
        blob: Descriptor,
        diff_id: DiffID,
        chain_id: ChainID,
        download: Download,
    ) -> Part:
        item = short(blob.digest)
        line = Line(stack.enter_context(self._board.topic(f"{chain_id} {blob.digest}", self._report)), item)
        return Part(
            diff_id,
            download.opened,
            progress=lambda current: line.count("Extracting", min(current, blob.size), blob.size),
            digest=blob.digest,
            ready=download.ready,
            done=lambda: self._report(layer(item, "Pull complete")),
        )


def _never() -> contextlib.AbstractAsyncContextManager[Source]:
    raise Internal("a layer that is held has gone")


def _shown(reference: Reference) -> str:
    """What stands before "Pulling from"."""
    return reference.familiar if reference.digest else reference.tag
