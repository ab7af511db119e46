"""Origins of images as they are recorded, and which content refers to which.

An origin (`corral.image.record.Origin`) says what an image looked like in a registry or an archive. Manifest and index
are kept as content; ``edges`` says what they refer to, so that what they need stays as long as they do: an index keeps
the manifests of its other platforms and of its attestations, as far as they are stored.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from corral.errors import CorralError
from corral.image.content.store import ContentStore
from corral.image.record import Origin
from corral.oci.digest import ImageID
from corral.oci.image import INDEX_TYPES, Descriptor, decode_index, decode_manifest
from corral.store.database import Database

_DEPTH_MAXIMUM: Final = 4
_MANIFEST_MAXIMUM: Final = 4 << 20

Edge = tuple[str, str]


class _Descriptors(msgspec.Struct, frozen=True):
    manifest: Descriptor
    index: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()


_DECODER: Final = msgspec.json.Decoder(_Descriptors)


class OriginStore:
    """Kept in memory, read once at start; a change is in the database before it can be seen."""

    def __init__(self, database: Database, driver: str) -> None:
        self._driver = driver
        self._origins: dict[ImageID, tuple[Origin, ...]] = {}
        query = "SELECT image, descriptors FROM image_origins WHERE driver = ? ORDER BY seen_at"
        for row in database.read(query, (driver,)):
            plain = _DECODER.decode(row["descriptors"])
            self.was_set(ImageID(row["image"]), Origin(plain.manifest, plain.index, plain.layers))

    def of(self, image: ImageID) -> tuple[Origin, ...]:
        """Newest first."""
        return self._origins.get(image, ())

    def setting(self, image: ImageID, origin: Origin) -> Callable[[sqlite3.Connection], None]:
        """The write that records an origin, for a transaction of the caller's; then `was_set`."""
        descriptors = msgspec.json.encode(_Descriptors(origin.manifest, origin.index, origin.layers)).decode()
        index = origin.index.digest if origin.index else ""
        row = (self._driver, image, origin.manifest.digest, index, descriptors, time.time_ns())

        def run(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO image_origins VALUES (?, ?, ?, ?, ?, ?)", row)

        return run

    def was_set(self, image: ImageID, origin: Origin) -> None:
        rest = (other for other in self.of(image) if _key(other) != _key(origin))
        self._origins[image] = (origin, *rest)

    def removing(self, image: ImageID) -> Callable[[sqlite3.Connection], None]:
        """The write that forgets all origins of an image; then `was_removed`."""

        def run(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM image_origins WHERE driver = ? AND image = ?", (self._driver, image))

        return run

    def was_removed(self, image: ImageID) -> None:
        self._origins.pop(image, None)


def _key(origin: Origin) -> tuple[str, str]:
    return origin.manifest.digest, origin.index.digest if origin.index else ""


def edges(content: ContentStore, origin: Origin) -> set[Edge]:
    """What an origin's manifest and index refer to, and so on, as far as it is stored."""
    found: set[Edge] = set()
    for descriptor in (origin.manifest, *([origin.index] if origin.index else [])):
        found.update(_below(content, descriptor, _DEPTH_MAXIMUM))
    return found


def _below(content: ContentStore, descriptor: Descriptor, depth: int) -> Iterator[Edge]:
    if not depth:
        return
    children = references(content, descriptor)
    for child in children:
        yield descriptor.digest, child.digest
        if descriptor.media_type in INDEX_TYPES:
            yield from _below(content, child, depth - 1)


def references(content: ContentStore, descriptor: Descriptor) -> list[Descriptor]:
    """What a stored manifest or index refers to; nothing when it is not stored or cannot be read."""
    size = content.size(descriptor.digest)
    if size is None or size > _MANIFEST_MAXIMUM:
        return []
    try:
        if descriptor.media_type in INDEX_TYPES:
            return list(decode_index(content.read(descriptor.digest)).manifests)
        manifest = decode_manifest(content.read(descriptor.digest))
    except CorralError:
        return []
    return [manifest.config, *manifest.layers]


def recording(found: Iterable[Edge]) -> Callable[[sqlite3.Connection], None]:
    """The write that remembers edges."""
    rows = sorted(found)

    def run(db: sqlite3.Connection) -> None:
        db.executemany("INSERT OR IGNORE INTO blob_edges VALUES (?, ?)", rows)

    return run
