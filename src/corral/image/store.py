"""The image store: configurations by id, and finding an image by what a person wrote.

An image exists when its row is committed; its configuration is then already on disk as a blob named by its id, and its
layers are recorded. Everything is kept in memory, read once at start.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from corral.errors import CorralError, Invalid, NotFound
from corral.image import when
from corral.image.content.store import ContentStore
from corral.image.layer.store import LayerStore
from corral.image.record import Image
from corral.image.references import ReferenceStore
from corral.image.schema import statement
from corral.image.uninterrupted import uninterrupted
from corral.oci.digest import ChainID, ImageID, chain_ids
from corral.oci.image import decode_config
from corral.oci.reference import Reference, parse_reference
from corral.store.database import Database

_HEX: Final = re.compile(r"[0-9a-f]{1,64}")


class ImageStore:
    def __init__(
        self, database: Database, content: ContentStore, layers: LayerStore, references: ReferenceStore
    ) -> None:
        self._database = database
        self._driver = layers.driver.name
        self.content = content
        self.layers = layers
        self.references = references
        self._images: dict[ImageID, Image] = {}
        for row in database.read("SELECT * FROM images WHERE driver = ?", (self._driver,)):
            parent = ImageID(row["parent"]) if row["parent"] else None
            image = self._build(ImageID(row["id"]), content.read(row["id"]), parent, row["tagged_at"])
            self._images[image.id] = image
            if image.top is not None:
                layers.use(image.top)

    def _build(self, image_id: ImageID, config_bytes: bytes, parent: ImageID | None, tagged_at: int) -> Image:
        config = decode_config(config_bytes)
        chain = chain_ids(config.diff_ids)
        size = sum(self.layers.get(chain_id).size for chain_id in chain)
        top = chain[-1] if chain else None
        return Image(image_id, config, top, size, when.parse(config.created), parent, tagged_at)

    # -- reading

    def __iter__(self) -> Iterator[Image]:
        return iter(list(self._images.values()))

    def __len__(self) -> int:
        return len(self._images)

    def __contains__(self, image_id: ImageID) -> bool:
        return image_id in self._images

    def get(self, image_id: ImageID) -> Image:
        """Raises NotFound."""
        image = self._images.get(image_id)
        if image is None:
            raise NotFound(f"No such image: {image_id}", code="no_such_image")
        return image

    def children(self, image_id: ImageID) -> list[Image]:
        return [image for image in self._images.values() if image.parent == image_id]

    def resolve(self, text: str) -> Image:
        """The image called ``text``: an id ("sha256:" optional), a name, or an unambiguous prefix of an id.

        Raises NotFound in Docker's words, Invalid when it can be no name.
        """
        bare = text.removeprefix("sha256:")
        is_hex = _HEX.fullmatch(bare) is not None
        if is_hex and len(bare) == 64:
            image = self._images.get(ImageID(f"sha256:{bare}"))
            if image is not None:
                return image
            raise NotFound(f"No such image: {text}", code="no_such_image")
        reference: Reference | None = None
        failure: CorralError | None = None
        try:
            reference = parse_reference(text).tagged()
        except Invalid as error:
            failure = error
        if reference is not None:
            image_id = self.references.get(reference)
            if image_id is None and reference.digest and reference.tag:
                image_id = self.references.get(reference.without_tag())
            if image_id is not None:
                return self._images[image_id]
        if is_hex:
            found = [image for image_id, image in self._images.items() if image_id.startswith(bare, 7)]
            if len(found) == 1:
                return found[0]
        if failure is not None and not text.startswith("sha256:"):
            raise failure
        shown = reference.familiar if reference is not None and not is_id_like(text) else text
        raise NotFound(f"No such image: {shown}", code="no_such_image")

    # -- writing

    def clean(self) -> None:
        """At start: removes configurations that were written for images which then did not come to be."""
        known = {row["id"] for row in self._database.read("SELECT id FROM images")}  # of all storage drivers
        for digest in self.content.digests():
            if digest not in known:
                self.content.delete(digest)

    @uninterrupted
    async def create(
        self, config_bytes: bytes, reference: Reference | None = None, parent: ImageID | None = None
    ) -> Image:
        """Stores an image whose layers are recorded (and kept alive by the caller until this returns).

        Idempotent. With ``reference`` the image has that name from the same moment on.
        """
        image_id = ImageID(self.content.write(config_bytes))
        now = time.time_ns()
        known = self._images.get(image_id)
        image = self._build(image_id, config_bytes, parent, now if reference else 0)
        row = (self._driver, image_id, parent or "", now, image.tagged_at)

        def store(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR IGNORE INTO images VALUES (?, ?, ?, ?, ?)", row)
            if reference is not None:
                self.references.setting(reference, image_id)(db)

        await self._database.write(store)
        if known is None and image_id not in self._images:
            self._images[image_id] = image
            if image.top is not None:
                self.layers.use(image.top)
        if reference is not None:
            self.references.was_set(reference, image_id)
        return self._images[image_id]

    @uninterrupted
    async def tag(self, image_id: ImageID, reference: Reference) -> None:
        image = self.get(image_id)
        now = time.time_ns()
        key = (now, self._driver, image_id)

        def store(db: sqlite3.Connection) -> None:
            db.execute("UPDATE images SET tagged_at = ? WHERE driver = ? AND id = ?", key)
            self.references.setting(reference, image_id)(db)

        await self._database.write(store)
        self._images[image_id] = replace(image, tagged_at=now)
        self.references.was_set(reference, image_id)

    @uninterrupted
    async def set_parent(self, image_id: ImageID, parent: ImageID) -> None:
        image = self.get(image_id)
        key = (parent, self._driver, image_id)
        await self._database.write(statement("UPDATE images SET parent = ? WHERE driver = ? AND id = ?", key))
        self._images[image_id] = replace(image, parent=parent)

    @uninterrupted
    async def delete(self, image_id: ImageID) -> list[ChainID]:
        """Removes the image and the layers that only it used, whose ids are returned, topmost first."""
        image = self._images.pop(image_id)
        await self._database.write(
            statement("DELETE FROM images WHERE driver = ? AND id = ?", (self._driver, image_id))
        )
        if not self._database.read("SELECT 1 FROM images WHERE id = ?", (image_id,)):
            self.content.delete(image_id)
        return [] if image.top is None else await self.layers.release(image.top)


def is_id_like(text: str) -> bool:
    """Whether ``text`` is shown as it is in messages: it was meant as an id."""
    return text.startswith("sha256:") or (_HEX.fullmatch(text) is not None and len(text) == 64)
