"""The reference store: which name means which image.

A name that refers to an index in a registry may mean several images, one for each platform that was pulled; the first
of them is what the name means when no platform is asked for, the others are its variants.

Kept in memory, read once at start; a change is in the database before it can be seen.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from corral.image.schema import statement
from corral.image.uninterrupted import uninterrupted
from corral.oci.digest import ImageID
from corral.oci.reference import Reference, parse_reference
from corral.store.database import Database


class ReferenceStore:
    def __init__(self, database: Database, driver: str) -> None:
        self._database = database
        self._driver = driver
        self._images: dict[str, tuple[ImageID, ...]] = {}
        self._names: dict[ImageID, dict[str, Reference]] = {}
        self._variants: dict[ImageID, dict[str, Reference]] = {}
        others: dict[str, list[ImageID]] = {}
        for row in database.read("SELECT name, image FROM image_variants WHERE driver = ?", (driver,)):
            others.setdefault(row["name"], []).append(ImageID(row["image"]))
        for row in database.read("SELECT name, image FROM image_references WHERE driver = ?", (driver,)):
            self._put(parse_reference(row["name"]), (ImageID(row["image"]), *others.get(row["name"], ())))

    def _put(self, reference: Reference, images: tuple[ImageID, ...]) -> None:
        name = str(reference)
        self._drop(name)
        self._images[name] = images
        self._names.setdefault(images[0], {})[name] = reference
        for image in images[1:]:
            self._variants.setdefault(image, {})[name] = reference

    def _drop(self, name: str) -> None:
        for number, image in enumerate(self._images.pop(name, ())):
            index = self._variants if number else self._names
            del index[image][name]
            if not index[image]:
                del index[image]

    def get(self, reference: Reference) -> ImageID | None:
        """What the name means when no platform is asked for."""
        images = self._images.get(str(reference))
        return images[0] if images else None

    def members(self, reference: Reference) -> tuple[ImageID, ...]:
        """All images that the name means, one for each platform, the one that `get` returns first."""
        return self._images.get(str(reference), ())

    def of(self, image: ImageID) -> list[Reference]:
        """The names that mean this image when no platform is asked for, in order."""
        names = self._names.get(image, {})
        return [names[name] for name in sorted(names)]

    def variant_names(self, image: ImageID) -> list[Reference]:
        """The names that mean this image only when its platform is asked for, in order."""
        names = self._variants.get(image, {})
        return [names[name] for name in sorted(names)]

    def __len__(self) -> int:
        return len(self._images)

    def setting(
        self, reference: Reference, image: ImageID, variants: Sequence[ImageID] = ()
    ) -> Callable[[sqlite3.Connection], None]:
        """The write that makes ``reference`` mean ``image``, for a transaction of the caller's; then `was_set`."""
        name = str(reference)
        key = (self._driver, name)

        def run(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO image_references VALUES (?, ?, ?)", (*key, image))
            db.execute("DELETE FROM image_variants WHERE driver = ? AND name = ?", key)
            db.executemany("INSERT INTO image_variants VALUES (?, ?, ?)", [(*key, variant) for variant in variants])

        return run

    def was_set(self, reference: Reference, image: ImageID, variants: Sequence[ImageID] = ()) -> None:
        self._put(reference, (image, *variants))

    @uninterrupted
    async def set(self, reference: Reference, image: ImageID, variants: Sequence[ImageID] = ()) -> None:
        await self._database.write(self.setting(reference, image, variants))
        self._put(reference, (image, *variants))

    @uninterrupted
    async def leave(self, reference: Reference, image: ImageID) -> None:
        """The name no longer means this image; it is gone when it means no other. Idempotent."""
        rest = [other for other in self.members(reference) if other != image]
        if rest:
            await self.set(reference, rest[0], rest[1:])
        else:
            await self.delete(reference)

    @uninterrupted
    async def delete(self, reference: Reference) -> None:
        """Idempotent."""
        name = str(reference)
        self._drop(name)
        key = (self._driver, name)

        def run(db: sqlite3.Connection) -> None:
            statement("DELETE FROM image_references WHERE driver = ? AND name = ?", key)(db)
            statement("DELETE FROM image_variants WHERE driver = ? AND name = ?", key)(db)

        await self._database.write(run)
