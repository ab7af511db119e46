"""``docker rmi``: when a name goes, when the image goes with it, and what forbids it.

A name is removed alone while the image has others. The last name takes the image along, unless a container uses it; an
id takes all names along when they are of one repository. ``force`` overrules names in several repositories and stopped
containers, never running ones nor images that were built on this one. Texts and the order of the answer are Docker's.

A name that means images of several platforms takes all of them along; with ``platforms`` it loses those only.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from corral.api.types.image import ImageDeleteItem
from corral.errors import Conflict
from corral.image.record import Image, ImageUse
from corral.image.store import ImageStore
from corral.oci.digest import ImageID, short
from corral.oci.platform import Platform
from corral.oci.reference import Reference, parse_reference


class Obstacle(enum.Flag):
    """What may stand in the way; `HARD` ones cannot be forced."""

    CHILDREN = enum.auto()
    RUNNING = enum.auto()
    NAMES = enum.auto()
    STOPPED = enum.auto()
    HARD = CHILDREN | RUNNING
    SOFT = NAMES | STOPPED


@dataclass(frozen=True, slots=True)
class _Found:
    obstacle: Obstacle
    message: str


@dataclass(slots=True)
class Removal:
    """One removal; `run` once."""

    images: ImageStore
    uses: Callable[[ImageID], list[ImageUse]]
    log: Callable[[str, Image], None]
    force: bool = False
    prune: bool = True
    items: list[ImageDeleteItem] = field(default_factory=list)

    async def run(self, text: str, platforms: Sequence[Platform] = ()) -> list[ImageDeleteItem]:
        """Raises NotFound, Conflict."""
        image = self.images.resolve(text)
        members = self.images.members(text)
        wanted = [self.images.resolve(text, platform) for platform in platforms]
        if wanted and len({image.id for image in wanted}) < len(members):
            return await self._remove_variants(text, wanted)
        names = self.images.references.of(image.id)
        named = not _is_id_prefix(image.id, text)
        if named:
            await self._remove_name(image, text, names, members)
            for variant in members[1:]:
                if not self._is_named(variant.id):
                    await self._delete(variant, force=self.force, quiet=True)
            if self._is_named(image.id):
                return self.items
        elif is_single(names):
            self._check(image.id, Obstacle.HARD if self.force else Obstacle.HARD | Obstacle.STOPPED)
            await self._leave_names(image)
        await self._delete(image, force=self.force, quiet=named)
        return self.items

    async def _remove_variants(self, text: str, images: list[Image]) -> list[ImageDeleteItem]:
        """Only these of the images that a name means."""
        for image in images:
            found = self._obstacle(image.id, Obstacle.HARD if self.force else Obstacle.HARD | Obstacle.STOPPED)
            if found is not None:
                raise _conflict(image.id, found)
        reference = self._reference(text)
        for image in images:
            for name in (*self.images.references.of(image.id), *self.images.references.variant_names(image.id)):
                if name == reference or (name.digest and name.name == reference.name):
                    await self.images.references.leave(name, image.id)
            self.log("untag", image)
            if not self._is_named(image.id):
                await self._delete(image, force=self.force, quiet=True)
        return self.items

    def _is_named(self, image_id: ImageID) -> bool:
        references = self.images.references
        return bool(references.of(image_id) or references.variant_names(image_id))

    async def _remove_name(self, image: Image, text: str, names: list[Reference], members: tuple[Image, ...]) -> None:
        used = [(member, use) for member in members for use in self.uses(member.id)]
        if not self.force and is_single(names) and used:
            raise Conflict(
                f'conflict: unable to remove repository reference "{text}" (must force) - container '
                f"{used[0][1].container_id[:12]} is using its referenced image {short(used[0][0].id)}"
            )
        reference = self._reference(text)
        await self._untag(image, reference)
        if reference.digest:
            return
        rest = [other for other in self.images.references.of(image.id) if other.name == reference.name]
        if not any(other.tag for other in rest):
            # Only digests of this repository are left, and nobody can see them: they go as well.
            for other in rest:
                await self._untag(image, other)

    def _reference(self, text: str) -> Reference:
        reference = parse_reference(text)
        if self.images.references.get(reference.tagged()) is None and reference.tag and reference.digest:
            reference = reference.without_tag()
        return reference.tagged()

    async def _untag(self, image: Image, reference: Reference) -> None:
        await self.images.references.delete(reference)
        self.items.append(ImageDeleteItem(untagged=reference.familiar))
        self.log("untag", image)

    async def _leave_names(self, image: Image) -> None:
        references = self.images.references
        for reference in references.of(image.id):
            if len(references.members(reference)) > 1:
                await references.leave(reference, image.id)
            else:
                await self._untag(image, reference)
        for reference in references.variant_names(image.id):
            await references.leave(reference, image.id)

    async def _delete(self, image: Image, *, force: bool, quiet: bool) -> None:
        found = self._obstacle(image.id, Obstacle.HARD if force else Obstacle.HARD | Obstacle.SOFT)
        if found is not None:
            used = bool(found.obstacle & (Obstacle.RUNNING | Obstacle.STOPPED))
            if quiet and (used or self._is_named(image.id) or self.images.children(image.id)):
                return
            raise _conflict(image.id, found)
        await self._leave_names(image)
        gone = await self.images.delete(image.id)
        self.log("delete", image)
        self.items.append(ImageDeleteItem(deleted=image.id))
        self.items.extend(ImageDeleteItem(deleted=chain_id) for chain_id in gone)
        if self.prune and image.parent is not None and image.parent in self.images:
            await self._delete(self.images.get(image.parent), force=False, quiet=True)

    def _check(self, image_id: ImageID, obstacles: Obstacle) -> None:
        found = self._obstacle(image_id, obstacles)
        if found is not None:
            raise _conflict(image_id, found)

    def _obstacle(self, image_id: ImageID, obstacles: Obstacle) -> _Found | None:
        uses = self.uses(image_id)
        if obstacles & Obstacle.CHILDREN and self.images.children(image_id):
            return _Found(Obstacle.CHILDREN, "image has dependent child images")
        if obstacles & Obstacle.RUNNING and (running := [use for use in uses if use.running]):
            text = f"image is being used by running container {running[0].container_id[:12]}"
            return _Found(Obstacle.RUNNING, text)
        if obstacles & Obstacle.NAMES and self._is_named(image_id):
            return _Found(Obstacle.NAMES, "image is referenced in multiple repositories")
        if obstacles & Obstacle.STOPPED and (stopped := [use for use in uses if not use.running]):
            text = f"image is being used by stopped container {stopped[0].container_id[:12]}"
            return _Found(Obstacle.STOPPED, text)
        return None


def _conflict(image_id: ImageID, found: _Found) -> Conflict:
    forced = "cannot" if found.obstacle & Obstacle.HARD else "must"
    return Conflict(f"conflict: unable to delete {short(image_id)} ({forced} be forced) - {found.message}")


def _is_id_prefix(image_id: ImageID, text: str) -> bool:
    return image_id.startswith(text) or image_id.removeprefix("sha256:").startswith(text)


def is_single(names: list[Reference]) -> bool:
    """Whether an image has at most one tag, digests of the same repository aside."""
    if len(names) <= 1:
        return True
    tagged = [name for name in names if not name.digest]
    repositories = {name.name for name in names if name.digest}
    if len(tagged) > 1:
        return False
    return repositories == {(tagged or names)[0].name}
