"""``docker image prune``: images that nobody needs, and what a prune's filters mean.

Those without a name go, with ``dangling=false`` also those with names, as long as no container uses them. What rmi
would refuse is skipped.

Source: the engine API's ImagePrune; error texts are those of the docker daemon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from corral.api.types.image import ImageDeleteItem, ImagesPruneReport
from corral.api.types.wire import UNSET
from corral.errors import Conflict, Invalid, NotFound
from corral.image.filters import boolean, timestamp
from corral.image.record import Image, ImageUse
from corral.image.removal import Removal
from corral.image.store import ImageStore
from corral.oci.digest import ImageID

ACCEPTED: Final = frozenset({"dangling", "label", "label!", "until"})


@dataclass(frozen=True, slots=True)
class PruneFilter:
    """``until``: nanoseconds, None when not asked; labels as (key, value or None)."""

    until: int | None = None
    labels: tuple[tuple[str, str | None], ...] = ()
    excluded: tuple[tuple[str, str | None], ...] = ()

    def admits(self, created: int, labels: Mapping[str, str] | None) -> bool:
        """``created``: nanoseconds, 0 when unknown. What has all of ``excluded`` stays."""
        if self.until is not None and (not created or created > self.until):
            return False
        having = labels or {}
        if not all(_has(having, label) for label in self.labels):
            return False
        return not self.excluded or not all(_has(having, label) for label in self.excluded)


def _has(labels: Mapping[str, str], wanted: tuple[str, str | None]) -> bool:
    key, value = wanted
    return key in labels and value in (None, labels[key])


def parse(filters: Mapping[str, Iterable[str]], accepted: frozenset[str]) -> PruneFilter:
    """Raises Invalid."""
    for name in filters:
        if name not in accepted:
            raise Invalid(f"invalid filter '{name}'")
    until = list(filters.get("until", ()))
    if len(until) > 1:
        raise Invalid("more than one until filter specified")
    return PruneFilter(
        timestamp(until[0]) if until else None,
        tuple(_label(text) for text in filters.get("label", ())),
        tuple(_label(text) for text in filters.get("label!", ())),
    )


def _label(text: str) -> tuple[str, str | None]:
    key, equals, value = text.partition("=")
    return key, value if equals else None


class Pruning:
    """One prune; `run` once."""

    def __init__(
        self, images: ImageStore, uses: Callable[[ImageID], list[ImageUse]], log: Callable[[str, Image], None]
    ) -> None:
        self._images = images
        self._uses = uses
        self._log = log

    async def run(self, filters: Mapping[str, Iterable[str]]) -> ImagesPruneReport:
        """``space_reclaimed`` is that of layers. Raises Invalid."""
        given = list(filters.get("dangling", ()))
        dangling = boolean("dangling", given) if given else True
        wanted = parse(filters, ACCEPTED)
        sizes = {layer.chain_id: layer.size for layer in self._images.layers}
        items: list[ImageDeleteItem] = []
        for image in self._images:
            if wanted.admits(image.created, image.config.runtime.labels):
                items += await self._prune(image, dangling=dangling)
        gone = {item.deleted for item in items if item.deleted is not UNSET}
        return ImagesPruneReport(
            images_deleted=items or None,
            space_reclaimed=sum(size for chain_id, size in sizes.items() if chain_id in gone),
        )

    async def _prune(self, image: Image, *, dangling: bool) -> list[ImageDeleteItem]:
        if image.id not in self._images:  # it went with one that was built on it
            return []
        names = self._images.references.of(image.id)
        if not names:
            if self._images.children(image.id) or self._images.references.variant_names(image.id):
                return []
            return await self._remove(image.id)
        if dangling and any(name.tag for name in names):
            return []
        items: list[ImageDeleteItem] = []
        for name in names:
            items += await self._remove(str(name))
        return items

    async def _remove(self, text: str) -> list[ImageDeleteItem]:
        removal = Removal(self._images, self._uses, self._log)
        try:
            return await removal.run(text)
        except (Conflict, NotFound):
            return removal.items
