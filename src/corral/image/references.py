"""The reference store: which name means which image.

Kept in memory, read once at start; a change is in the database before it can be seen.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from corral.image.schema import statement
from corral.image.uninterrupted import uninterrupted
from corral.oci.digest import ImageID
from corral.oci.reference import Reference, parse_reference
from corral.store.database import Database


class ReferenceStore:
    def __init__(self, database: Database, driver: str) -> None:
        self._database = database
        self._driver = driver
        self._images: dict[str, ImageID] = {}
        self._names: dict[ImageID, dict[str, Reference]] = {}
        for row in database.read("SELECT name, image FROM image_references WHERE driver = ?", (driver,)):
            self._put(parse_reference(row["name"]), ImageID(row["image"]))

    def _put(self, reference: Reference, image: ImageID) -> None:
        name = str(reference)
        self._drop(name)
        self._images[name] = image
        self._names.setdefault(image, {})[name] = reference

    def _drop(self, name: str) -> None:
        image = self._images.pop(name, None)
        if image is not None:
            names = self._names[image]
            del names[name]
            if not names:
                del self._names[image]

    def get(self, reference: Reference) -> ImageID | None:
        return self._images.get(str(reference))

    def of(self, image: ImageID) -> list[Reference]:
        """All names of an image, in order."""
        names = self._names.get(image, {})
        return [names[name] for name in sorted(names)]

    def __len__(self) -> int:
        return len(self._images)

    def setting(self, reference: Reference, image: ImageID) -> Callable[[sqlite3.Connection], None]:
        """The write that makes ``reference`` mean ``image``, for a transaction of the caller's; then `was_set`."""
        row = (self._driver, str(reference), image)
        return statement("INSERT OR REPLACE INTO image_references VALUES (?, ?, ?)", row)

    def was_set(self, reference: Reference, image: ImageID) -> None:
        self._put(reference, image)

    @uninterrupted
    async def set(self, reference: Reference, image: ImageID) -> None:
        await self._database.write(self.setting(reference, image))
        self._put(reference, image)

    @uninterrupted
    async def delete(self, reference: Reference) -> None:
        """Idempotent."""
        name = str(reference)
        self._drop(name)
        await self._database.write(
            statement("DELETE FROM image_references WHERE driver = ? AND name = ?", (self._driver, name))
        )
