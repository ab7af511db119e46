"""Compressed forms of layers, made when there is none: once, reproducibly, several layers at a time."""

from __future__ import annotations

import asyncio
import os
from typing import Final

from corral.archive import jobs
from corral.errors import Exhausted
from corral.image.content.store import ContentStore
from corral.image.distribution.messages import Line
from corral.image.distribution.slots import Slots
from corral.image.layer.record import Layer
from corral.image.layer.store import LayerStore
from corral.oci.digest import DiffID, Digest
from corral.oci.image import DOCKER_LAYER, Descriptor

__all__ = ["GZIP_LAYER", "Forms"]

GZIP_LAYER: Final = f"{DOCKER_LAYER}.gzip"


class Forms:
    def __init__(self, content: ContentStore, layers: LayerStore) -> None:
        self._content = content
        self._layers = layers
        self._slots = Slots(os.cpu_count() or 1)
        self._turns: dict[DiffID, asyncio.Lock] = {}

    def known(self, layer: Layer) -> list[Descriptor]:
        """Those that were seen, what is stored first; the others may be in a registry."""
        found = self._layers.blobs.of(layer.diff_id)
        return sorted(found, key=lambda blob: not self._content.exists(blob.digest))

    async def make(self, layer: Layer, line: Line) -> Descriptor:
        """A form whose blob is stored, in a lease of the caller's; to be kept by `keep`. Raises Internal, Exhausted."""
        turn = self._turns.setdefault(layer.diff_id, asyncio.Lock())
        async with turn, self._slots.one():
            for blob in self.known(layer):
                if self._content.exists(blob.digest):
                    return blob
            blob = await self._compress(layer, line)
        self._turns.pop(layer.diff_id, None)
        return blob

    async def _compress(self, layer: Layer, line: Line) -> Descriptor:
        files = self._layers.driver.files(layer.cache_id)
        try:
            with self._content.ingest() as ingest:
                made = await jobs.compress(
                    files.recipe,
                    files.root,
                    files.aside,
                    layer.diff_id,
                    ingest.fileno(),
                    lambda current: line.count("Compressing", min(current, layer.tar_size), layer.tar_size),
                )
                ingest.told(Digest(made.digest), made.size)
                await asyncio.to_thread(ingest.commit, durable=False)
        except OSError as error:
            raise Exhausted(f"compressing layer {layer.diff_id}: {(error.strerror or '').lower()}") from error
        return Descriptor(media_type=GZIP_LAYER, digest=made.digest, size=made.size)

    async def keep(self, layer: Layer, blob: Descriptor) -> None:
        """Remembers a form that was made, once its blob is on the disk: a power failure leaves no other."""
        with self._content.open(blob.digest) as file:
            await asyncio.to_thread(os.fsync, file.fileno())
        await self._layers.blobs.remember(layer.diff_id, blob)
