"""The image store: configurations by id, and finding an image by what a person wrote.

An image exists when its row is committed; its configuration is then already on disk as a blob named by its id, and its
layers are recorded. Everything is kept in memory, read once at start.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from corral.errors import CorralError, Invalid, NotFound
from corral.image import manifests, when
from corral.image.content.store import ContentStore
from corral.image.layer.store import LayerStore
from corral.image.manifests import OriginStore
from corral.image.record import Image, Origin
from corral.image.references import ReferenceStore
from corral.image.schema import statement
from corral.image.uninterrupted import uninterrupted
from corral.oci.digest import ChainID, ImageID, chain_ids
from corral.oci.image import decode_config
from corral.oci.platform import Platform, acceptable, host_preference, normalized, rank
from corral.oci.reference import Reference, parse_reference
from corral.store.database import Database

_HEX: Final = re.compile(r"[0-9a-f]{1,64}")


class ImageStore:
    def __init__(
        self,
        database: Database,
        content: ContentStore,
        layers: LayerStore,
        references: ReferenceStore,
        created: Callable[[ImageID], None] = lambda _: None,
    ) -> None:
        """``created`` is told of every image that was made, or made again."""
        self._database = database
        self._driver = layers.driver.name
        self.content = content
        self.layers = layers
        self.references = references
        self._created = created
        self._origins = OriginStore(database, self._driver)
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

    def origins(self, image_id: ImageID) -> tuple[Origin, ...]:
        """What the image looks like in registries, newest first; nothing when it was never in one."""
        return self._origins.of(image_id)

    def resolve(self, text: str, platform: Platform | None = None) -> Image:
        """The image called ``text``: an id ("sha256:" optional), a name, or an unambiguous prefix of an id.

        A name may mean several images: the one that serves ``platform`` best, without it the one that serves this host
        best. Raises NotFound in Docker's words, also when none serves ``platform``; Invalid when it can be no name.
        """
        image, members = self._meant(text)
        if platform is None:
            return image
        found = self._serving(platform, members)
        if found is None:
            raise NotFound(
                f"image with reference {text} was found but does not provide the specified platform ({platform})"
                if len(members) > 1
                else f"image with reference {text} was found but its platform ({platform_of(image)}) "
                f"does not match the specified platform ({platform})",
                code="no_such_image",
            )
        return found

    def members(self, text: str) -> tuple[Image, ...]:
        """All images that ``text`` means, one for each platform, the host's first. Raises as `resolve`."""
        return self._meant(text)[1]

    def _serving(self, platform: Platform, members: tuple[Image, ...]) -> Image | None:
        preference = acceptable(platform)
        ranked = [(rank(preference, platform_of(image)), number) for number, image in enumerate(members)]
        fitting = [(place, number) for place, number in ranked if place is not None]
        return members[min(fitting)[1]] if fitting else None

    def _meant(self, text: str) -> tuple[Image, tuple[Image, ...]]:
        bare = text.removeprefix("sha256:")
        is_hex = _HEX.fullmatch(bare) is not None
        if is_hex and len(bare) == 64:
            image = self._images.get(ImageID(f"sha256:{bare}"))
            if image is not None:
                return image, (image,)
            raise NotFound(f"No such image: {text}", code="no_such_image")
        reference: Reference | None = None
        failure: CorralError | None = None
        try:
            reference = parse_reference(text).tagged()
        except Invalid as error:
            failure = error
        if reference is not None:
            members = self.references.members(reference)
            if not members and reference.digest and reference.tag:
                members = self.references.members(reference.without_tag())
            if members:
                return self._images[members[0]], tuple(self._images[member] for member in members)
        if is_hex:
            found = [image for image_id, image in self._images.items() if image_id.startswith(bare, 7)]
            if len(found) == 1:
                return found[0], (found[0],)
        if failure is not None and not text.startswith("sha256:"):
            raise failure
        shown = reference.familiar if reference is not None and not is_id_like(text) else text
        raise NotFound(f"No such image: {shown}", code="no_such_image")

    # -- writing

    @uninterrupted
    async def create(
        self,
        config_bytes: bytes,
        reference: Reference | None = None,
        parent: ImageID | None = None,
        *,
        origin: Origin | None = None,
        digest_reference: Reference | None = None,
    ) -> Image:
        """Stores an image whose layers are recorded (and kept alive by the caller until this returns).

        Idempotent. With ``reference`` and ``digest_reference`` the image has those names from the same moment on; a
        name that means another platform's image of the same index means both afterwards. ``origin``: what it looks like
        in a registry; its manifest and index are stored already, in a lease of the caller's. Raises Invalid.
        """
        with self.content.lease():
            image_id = ImageID(self.content.write(config_bytes))
            now = time.time_ns()
            image = self._build(image_id, config_bytes, parent, now if reference or digest_reference else 0)
            names = [name for name in (reference, digest_reference) if name is not None]
            groups = [(name, self._group(name, image, origin)) for name in names]
            writes = [self.references.setting(name, group[0], group[1:]) for name, group in groups]
            if origin is not None:
                writes.append(self._origins.setting(image_id, origin))
                writes.append(manifests.recording(manifests.edges(self.content, origin)))
                if len(origin.layers) == len(image.config.diff_ids):
                    pairs = zip(image.config.diff_ids, origin.layers, strict=True)
                    writes += [self.layers.blobs.setting(diff_id, blob) for diff_id, blob in pairs]
            row = (self._driver, image_id, parent or "", now, image.tagged_at)

            def store(db: sqlite3.Connection) -> None:
                db.execute("INSERT OR IGNORE INTO images VALUES (?, ?, ?, ?, ?)", row)
                if names:
                    key = (now, self._driver, image_id)
                    db.execute("UPDATE images SET tagged_at = ? WHERE driver = ? AND id = ?", key)
                for write in writes:
                    write(db)

            await self._database.write(store)
        if image_id not in self._images:
            self._images[image_id] = image
            if image.top is not None:
                self.layers.use(image.top)
        elif names:
            self._images[image_id] = replace(self._images[image_id], tagged_at=now)
        if origin is not None:
            self._origins.was_set(image_id, origin)
        for name, group in groups:
            self.references.was_set(name, group[0], group[1:])
        self._created(image_id)
        return self._images[image_id]

    def _group(self, name: Reference, image: Image, origin: Origin | None) -> tuple[ImageID, ...]:
        """What ``name`` means when it is set to ``image``: with it the other platforms' images of the same index, the
        one that suits this host best first, the new one where none suits it.
        """
        members = [image]
        if origin is not None and origin.index is not None:
            platform = platform_of(image)
            for member_id in self.references.members(name):
                member = self._images[member_id]
                if (
                    member_id != image.id
                    and platform_of(member) != platform
                    and self._is_in(member_id, origin.index.digest)
                ):
                    members.append(member)
        if len(members) == 1:
            return (image.id,)
        preference = host_preference()
        places = [rank(preference, platform_of(member)) for member in members]
        order = sorted(range(len(members)), key=lambda number: (places[number] is None, places[number] or 0, number))
        return tuple(members[number].id for number in order)

    def _is_in(self, image_id: ImageID, index: str) -> bool:
        return any(origin.index is not None and origin.index.digest == index for origin in self.origins(image_id))

    @uninterrupted
    async def tag(self, image_id: ImageID, reference: Reference, variants: Sequence[ImageID] = ()) -> None:
        """``variants``: images of other platforms that the name means as well."""
        image = self.get(image_id)
        now = time.time_ns()
        key = (now, self._driver, image_id)

        def store(db: sqlite3.Connection) -> None:
            db.execute("UPDATE images SET tagged_at = ? WHERE driver = ? AND id = ?", key)
            self.references.setting(reference, image_id, variants)(db)

        await self._database.write(store)
        self._images[image_id] = replace(image, tagged_at=now)
        self.references.was_set(reference, image_id, variants)

    @uninterrupted
    async def set_parent(self, image_id: ImageID, parent: ImageID) -> None:
        image = self.get(image_id)
        key = (parent, self._driver, image_id)
        await self._database.write(statement("UPDATE images SET parent = ? WHERE driver = ? AND id = ?", key))
        self._images[image_id] = replace(image, parent=parent)

    @uninterrupted
    async def delete(self, image_id: ImageID) -> list[ChainID]:
        """Removes the image and the layers that only it used, whose ids are returned, topmost first."""
        for reference in self.references.variant_names(image_id):
            await self.references.leave(reference, image_id)
        image = self._images.pop(image_id)
        key = (self._driver, image_id)

        def store(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM images WHERE driver = ? AND id = ?", key)
            db.execute("DELETE FROM image_used WHERE driver = ? AND image = ?", key)
            self._origins.removing(image_id)(db)

        await self._database.write(store)
        self._origins.was_removed(image_id)
        return [] if image.top is None else await self.layers.release(image.top)


def platform_of(image: Image) -> Platform:
    config = image.config
    return normalized(Platform(config.os or "linux", config.architecture, config.variant))


def is_id_like(text: str) -> bool:
    """Whether ``text`` is shown as it is in messages: it was meant as an id."""
    return text.startswith("sha256:") or (_HEX.fullmatch(text) is not None and len(text) == 64)
