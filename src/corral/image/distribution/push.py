"""``docker push``: an image, or all images of an index, into a repository.

A layer is sent in the form that it came in, so that its digest and the manifest's stay what they were; only what never
was in a registry, or whose blob is neither kept nor found, is compressed. Before a blob is sent, the registry is asked
whether the repository has it, or may take it from another one of the same registry.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from corral.api.types.progress import Progress, ProgressDetail
from corral.errors import Forbidden, NotFound, Unauthorized
from corral.image.distribution.composing import compose
from corral.image.distribution.forms import Forms
from corral.image.distribution.messages import Line, plain
from corral.image.distribution.registry import ManifestContent, Repository
from corral.image.distribution.selection import is_foreign
from corral.image.distribution.slots import Slots
from corral.image.layer.record import Layer
from corral.image.progress import Report
from corral.image.record import Image, Origin
from corral.image.store import ImageStore
from corral.image.together import together
from corral.oci.digest import Digest, short
from corral.oci.image import Descriptor, decode_index, decode_manifest
from corral.oci.platform import Platform
from corral.oci.reference import Reference

__all__ = ["Push"]

_CANDIDATES: Final = 5
_READ: Final = 1 << 20


class _Lost(Exception):
    """A layer is to be had in the form that was wanted neither here nor at the registry."""


class Push:
    """One name into one repository; `run` once. ``platform``: of the images that the name means, that one alone."""

    def __init__(
        self,
        images: ImageStore,
        forms: Forms,
        slots: Slots,
        repository: Repository,
        platform: Platform | None,
        report: Report,
    ) -> None:
        self._images = images
        self._content = images.content
        self._layers = images.layers
        self._forms = forms
        self._slots = slots
        self._repository = repository
        self._platform = platform
        self._report = report

    async def run(self, reference: Reference) -> Image:
        """``reference`` has a tag. Raises NotFound, Unauthorized, Forbidden, Unavailable, Invalid, Internal."""
        image = self._image(reference)
        with self._content.lease():
            async with self._layers.hold([image.top] if image.top else []):
                origin = None if self._platform else self._whole(image)
                if origin is not None and origin.index is not None:
                    await self._send_members(origin.index)
                    top = self._stored(origin.index)
                else:
                    origin, top = await self._send_image(image)
                await self._repository.put_manifest(reference.tag, top.content, top.media_type)
                pinned = Reference(reference.domain, reference.path, digest=top.digest)
                config = self._content.read(image.id)
                await self._images.create(config, origin=origin, digest_reference=pinned)
        size = len(top.content)
        self._report(plain(f"{reference.tag}: digest: {top.digest} size: {size}"))
        aux = {"Tag": reference.tag, "Digest": top.digest, "Size": size}
        self._report(Progress(progress_detail=ProgressDetail(), aux=aux))
        return image

    def _image(self, reference: Reference) -> Image:
        members = self._images.references.members(reference)
        if not members:
            raise NotFound(f"tag does not exist: {reference.familiar}")
        if self._platform is None:
            return self._images.get(members[0])
        return self._images.resolve(reference.familiar, self._platform)

    # -- an index with all that belongs to it

    def _whole(self, image: Image) -> Origin | None:
        """The newest origin whose index is here with all its members, if there is one."""
        return next((one for one in self._images.origins(image.id) if self._is_whole(one)), None)

    def _is_whole(self, origin: Origin) -> bool:
        if origin.index is None or not self._content.exists(origin.index.digest):
            return False
        for member in decode_index(self._content.read(origin.index.digest)).manifests:
            if not self._content.exists(member.digest):
                return False
            manifest = decode_manifest(self._content.read(member.digest))
            needed = (manifest.config, *(blob for blob in manifest.layers if not is_foreign(blob)))
            if not all(self._content.exists(blob.digest) for blob in needed):
                return False
        return True

    async def _send_members(self, index: Descriptor) -> None:
        members = decode_index(self._content.read(index.digest)).manifests
        manifests = [decode_manifest(self._content.read(member.digest)) for member in members]
        blobs = {blob.digest: blob for manifest in manifests for blob in (*manifest.layers, manifest.config)}
        lines = [(Line(self._report, short(digest)), blob) for digest, blob in blobs.items()]
        for line, _ in lines:
            line.say("Preparing")
        async with together() as group:
            for line, blob in lines:
                group.create_task(self._send_in_turn(line, blob))
        for member in members:
            stored = self._stored(member)
            await self._repository.put_manifest(member.digest, stored.content, stored.media_type)

    async def _send_in_turn(self, line: Line, blob: Descriptor) -> None:
        async with self._slots.one(lambda: line.say("Waiting")):
            if await self._offer(line, [blob]) is None:
                await self._upload(line, blob)

    # -- one image

    async def _send_image(self, image: Image) -> tuple[Origin, ManifestContent]:
        """What it now looks like there. The manifest itself is not sent yet."""
        stack = self._layers.stack(image.top)[::-1]
        config = Descriptor(digest=image.id, size=len(self._content.read(image.id)))
        for origin in self._images.origins(image.id):
            if len(origin.layers) == len(stack) and self._content.exists(origin.manifest.digest):
                try:
                    await self._send_layers(stack, origin.layers)
                except _Lost:
                    continue
                await self._send_config(config)
                return Origin(origin.manifest, None, origin.layers), self._stored(origin.manifest)
        blobs = await self._send_layers(stack, None)
        await self._send_config(config)
        manifest = compose(image.id, config.size, blobs)
        await asyncio.to_thread(self._content.write, manifest.content)
        return Origin(manifest.descriptor, None, tuple(decode_manifest(manifest.content).layers)), manifest

    async def _send_config(self, config: Descriptor) -> None:
        if await self._repository.blob_exists(Digest(config.digest)) is None:
            await self._repository.upload(Digest(config.digest), config.size, lambda: self._read(config))

    async def _send_layers(self, stack: Sequence[Layer], wanted: Sequence[Descriptor] | None) -> list[Descriptor]:
        """What each layer was sent as, or is there as. Raises _Lost when that cannot be what was ``wanted``."""
        lines = [Line(self._report, short(one.diff_id)) for one in stack]
        forms: Sequence[Descriptor | None] = wanted or [None] * len(stack)
        for line in reversed(lines):
            line.say("Preparing")
        async with together() as group:
            tasks = [
                group.create_task(self._send_layer(lines[number], stack[number], forms[number]))
                for number in reversed(range(len(stack)))
            ]
        return [task.result() for task in reversed(tasks)]

    async def _send_layer(self, line: Line, one: Layer, wanted: Descriptor | None) -> Descriptor:
        async with self._slots.one(lambda: line.say("Waiting")):
            candidates = [wanted] if wanted else self._forms.known(one)[:_CANDIDATES]
            found = await self._offer(line, candidates)
            if found is not None:
                return found
            stored = next((blob for blob in candidates if self._content.exists(blob.digest)), None)
            if stored is None:
                if wanted is not None:
                    raise _Lost
                return await self._send_made(line, one)
            await self._upload(line, stored)
            return stored

    async def _send_made(self, line: Line, one: Layer) -> Descriptor:
        """The disk has the time of the upload to take it in."""
        made = await self._forms.make(one, line)
        if await self._offer(line, [made]) is None:
            await self._upload(line, made)
        await self._forms.keep(one, made)
        return made

    # -- one blob

    async def _offer(self, line: Line, candidates: Sequence[Descriptor]) -> Descriptor | None:
        """The first of several forms of a layer that need not be sent; None when all would have to be."""
        target = self._repository.reference
        for blob in candidates:
            if is_foreign(blob):
                line.say("Skipped foreign layer")
                return blob
            if await self._repository.blob_exists(Digest(blob.digest)) is not None:
                line.say("Layer already exists")
                self._layers.remember_source(blob.digest, target.name)
                return blob
        for blob in candidates:
            for source in self._layers.sources(blob.digest, target.domain)[:_CANDIDATES]:
                if source == target.path:
                    self._layers.blobs.forget_source(blob.digest, target.name)
                elif await self._mounted(blob, source):
                    line.say(f"Mounted from {source}")
                    self._layers.remember_source(blob.digest, target.name)
                    return blob
                else:
                    self._layers.blobs.forget_source(blob.digest, f"{target.domain}/{source}")
        return None

    async def _mounted(self, blob: Descriptor, source: str) -> bool:
        try:
            return await self._repository.mount(Digest(blob.digest), source)
        except (NotFound, Unauthorized, Forbidden):
            return False  # of the other repository: whether this one may be written to shows soon enough

    async def _upload(self, line: Line, blob: Descriptor) -> None:
        await self._repository.upload(
            Digest(blob.digest),
            blob.size,
            lambda: self._read(blob),
            lambda sent: line.count("Pushing", sent, blob.size),
        )
        line.say("Pushed")
        self._layers.remember_source(blob.digest, self._repository.reference.name)

    async def _read(self, blob: Descriptor) -> AsyncIterator[bytes]:
        with self._content.open(blob.digest) as file:
            while piece := await asyncio.to_thread(file.read, _READ):
                yield piece

    def _stored(self, descriptor: Descriptor) -> ManifestContent:
        content = self._content.read(descriptor.digest)
        return ManifestContent(content, descriptor.media_type, Digest(descriptor.digest))
