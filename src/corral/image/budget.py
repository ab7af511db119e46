"""The size budget of images: what is used least goes when there is more than the daemon was told to keep.

An image is used when it is pulled, loaded or made, and whenever a container is made of it. Over budget, images that no
container uses go, those without a name first, then the least recently used, until the rest fits; an image that others
were built on goes after them. What was used within the last minute stays: it may be waiting for its container.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from corral.errors import Conflict, NotFound
from corral.image.record import Image, ImageUse
from corral.image.removal import Removal
from corral.image.schema import statement
from corral.image.store import ImageStore
from corral.oci.digest import ImageID, short
from corral.oci.image import Descriptor
from corral.store.database import Database

_LOG: Final = logging.getLogger(__name__)
_GRACE: Final = 60 * 1_000_000_000
_PRECISION: Final = 60 * 1_000_000_000
"""Nanoseconds: a use is recorded when the last one that was is older than that."""


class LastUse:
    """When images were last used; kept in memory, recorded without being waited for."""

    def __init__(self, database: Database, driver: str) -> None:
        self._database = database
        self._driver = driver
        self._used: dict[ImageID, int] = {}
        for row in database.read("SELECT image, used_at FROM image_used WHERE driver = ?", (driver,)):
            self._used[ImageID(row["image"])] = row["used_at"]

    def note(self, image: ImageID) -> None:
        now = time.time_ns()
        if now - self._used.get(image, 0) < _PRECISION:
            return
        self._used[image] = now
        row = (self._driver, image, now)
        write = statement("INSERT OR REPLACE INTO image_used VALUES (?, ?, ?)", row)
        self._database.submit(write, durable=False, lazily=True)

    def of(self, image: ImageID) -> int:
        """Nanoseconds since the epoch, 0 when never."""
        return self._used.get(image, 0)

    def forget(self, image: ImageID) -> None:
        """When the image is gone, and what was recorded with it."""
        self._used.pop(image, None)


class Budget:
    """``limit`` in bytes, 0 for none."""

    def __init__(
        self,
        limit: int,
        images: ImageStore,
        last_use: LastUse,
        uses: Callable[[ImageID], list[ImageUse]],
        log: Callable[[str, Image], None],
    ) -> None:
        self.limit = limit
        self._images = images
        self._content = images.content
        self._last_use = last_use
        self._uses = uses
        self._log = log

    def size(self) -> int:
        """Bytes of all layers and of all stored content."""
        return self._images.layers.total_size() + self._content.total_size()

    async def enforce(self) -> list[ImageID]:
        """Removes images until the rest fits. Returns what went; its content is still to be collected."""
        gone: list[ImageID] = []
        excess = self.size() - self.limit if self.limit else 0
        while excess > 0 and (victim := self._next()) is not None:
            before = self._images.layers.total_size()
            blobs = self._own_blobs(victim)
            if not await self._remove(victim):
                break
            gone.append(victim.id)
            excess -= before - self._images.layers.total_size() + blobs
            _LOG.info("image budget: removed %s, not used since %s", short(victim.id), self._last_use.of(victim.id))
            self._last_use.forget(victim.id)
        if excess > 0:
            _LOG.warning(
                "images take %d bytes more than the budget of %d, and all of them are in use", excess, self.limit
            )
        return gone

    def _next(self) -> Image | None:
        oldest = time.time_ns() - _GRACE
        candidates = [
            image
            for image in self._images
            if not self._uses(image.id) and not self._images.children(image.id) and self._age(image) < oldest
        ]
        return min(candidates, key=lambda image: (self._is_named(image), self._age(image)), default=None)

    def _age(self, image: Image) -> int:
        return max(self._last_use.of(image.id), image.tagged_at)

    def _is_named(self, image: Image) -> bool:
        references = self._images.references
        return bool(references.of(image.id) or references.variant_names(image.id))

    def _own_blobs(self, image: Image) -> int:
        """Bytes of compressed layers that no other image has."""
        own = {blob.digest for blob in self._blobs(image)}
        for other in self._images:
            if other.id != image.id:
                own.difference_update(blob.digest for blob in self._blobs(other))
        return sum(self._content.size(digest) or 0 for digest in own)

    def _blobs(self, image: Image) -> list[Descriptor]:
        return [layer for origin in self._images.origins(image.id) for layer in origin.layers]

    async def _remove(self, image: Image) -> bool:
        removal = Removal(self._images, self._uses, self._log, prune=False)
        try:
            for name in [*self._images.references.of(image.id), *self._images.references.variant_names(image.id)]:
                await self._images.references.leave(name, image.id)
                self._log("untag", image)
            await removal.run(image.id)
        except (Conflict, NotFound) as error:
            _LOG.warning("image budget: %s", error)
            return False
        return True
