"""What images take on disk, for ``system df``: the blocks that du(1) counts, and not the lengths of files.

Blobs are counted where they are used: an image takes its layers (files, and the recipes of their tars), its
configuration, and of each of its origins the manifest, the index and the compressed layers, as far as they are stored.
What several images use is shared by them, and once in the total.

A layer does not change, so it is measured once, when somebody asks first, and the result recorded.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from corral.image.layer.record import Layer
from corral.image.record import Image
from corral.image.store import ImageStore
from corral.oci.digest import ChainID, ImageID
from corral.store.database import Database

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Share:
    """Bytes: all that an image takes, and the part of it that others take as well."""

    size: int
    shared: int


class Usage:
    def __init__(self, database: Database, images: ImageStore) -> None:
        self._database = database
        self._images = images
        self._driver = images.layers.driver.name
        self._layers: dict[ChainID, int] = {}
        for row in database.read("SELECT chain_id, bytes FROM layer_disk WHERE driver = ?", (self._driver,)):
            self._layers[ChainID(row["chain_id"])] = row["bytes"]

    async def total(self) -> int:
        """Bytes of all layers and of all stored content."""
        await self._measure()
        layers = sum(self._layers[layer.chain_id] for layer in self._images.layers)
        content = self._images.content
        return layers + await asyncio.to_thread(lambda: sum(_blocks(content.path(d)) for d in content.digests()))

    async def shares(self, images: Iterable[Image]) -> dict[ImageID, Share]:
        """What each of ``images`` takes; shared counts with all images that there are."""
        await self._measure()
        parts = {image.id: self._parts(image) for image in self._images}
        uses = Counter(part for image_parts in parts.values() for part in image_parts)
        return {
            image.id: Share(
                sum(parts[image.id].values()),
                sum(size for part, size in parts[image.id].items() if uses[part] > 1),
            )
            for image in images
            if image.id in parts
        }

    def _parts(self, image: Image) -> dict[str, int]:
        """Bytes by what takes them."""
        parts = {
            f"layer {layer.chain_id}": self._layers[layer.chain_id] for layer in self._images.layers.stack(image.top)
        }
        digests = {str(image.id)}
        for origin in self._images.origins(image.id):
            digests.update(blob.digest for blob in (origin.manifest, *origin.layers))
            if origin.index is not None:
                digests.add(origin.index.digest)
        for diff_id in image.config.diff_ids:
            digests.update(blob.digest for blob in self._images.layers.blobs.of(diff_id))
        return parts | {digest: _blocks(self._images.content.path(digest)) for digest in digests}

    async def _measure(self) -> None:
        known = {layer.chain_id for layer in self._images.layers}
        for chain_id in self._layers.keys() - known:
            del self._layers[chain_id]
        unknown = [layer for layer in self._images.layers if layer.chain_id not in self._layers]
        if not unknown:
            return
        found = await asyncio.to_thread(lambda: {layer.chain_id: self._size(layer) for layer in unknown})
        rows = [(self._driver, chain_id, size) for chain_id, size in found.items() if size]
        await self._database.write(
            lambda db: db.executemany("INSERT OR REPLACE INTO layer_disk VALUES (?, ?, ?)", rows), durable=False
        )
        self._layers.update(found)

    def _size(self, layer: Layer) -> int:
        return disk_size(os.path.dirname(self._images.layers.driver.files(layer.cache_id).recipe))


def disk_size(root: str) -> int:
    """Bytes of the blocks of a tree, each inode once; 0 when it is gone. For trees that nobody changes."""
    total = 0
    seen: set[int] = set()
    pending = [root]
    while pending:
        directory = pending.pop()
        try:
            total += os.lstat(directory).st_blocks * _BLOCK
            entries = list(os.scandir(directory))
        except FileNotFoundError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
                continue
            info = entry.stat(follow_symlinks=False)
            if info.st_nlink > 1:
                if info.st_ino in seen:
                    continue
                seen.add(info.st_ino)
            total += info.st_blocks * _BLOCK
    return total


def _blocks(path: os.PathLike[str]) -> int:
    try:
        return os.stat(path).st_blocks * _BLOCK
    except FileNotFoundError:
        return 0
