"""``docker images``: what there is, newest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from corral.api.types.image import ImageSummary
from corral.api.types.wire import UNSET
from corral.image import platforms
from corral.image.filters import ImageFilter
from corral.image.record import Image, ImageUse
from corral.image.store import ImageStore
from corral.oci.digest import ChainID, ImageID

Uses = Callable[[ImageID], list[ImageUse]]


def summaries(
    images: ImageStore,
    wanted: ImageFilter,
    uses: Uses,
    *,
    all_images: bool = False,
    shared_size: bool = False,
    manifests: bool = False,
) -> list[ImageSummary]:
    """Images without a name are shown when nothing was built on them, or all are asked for.

    An image that a name means only when its platform is asked for is shown among the manifests of that name's.
    """
    found: list[tuple[int, ImageSummary]] = []
    shares = _shares(images) if shared_size else None
    for image in images:
        if not wanted.admits(image):
            continue
        references = [reference for reference in images.references.of(image.id) if wanted.names(reference)]
        tags = [reference.familiar for reference in references if reference.tag]
        digests = [reference.familiar for reference in references if reference.digest]
        if not references:
            if not all_images and images.references.variant_names(image.id):
                continue
            if wanted.dangling is False or wanted.references:
                continue
            if not all_images and images.children(image.id):
                continue
        elif wanted.dangling and tags:
            continue
        summary = _summary(images, image, tags, digests, uses, shares)
        if manifests:
            summary.manifests = platforms.summaries(images, image, uses) or UNSET
        found.append((image.created, summary))
    found.sort(key=lambda pair: pair[0], reverse=True)
    return [summary for _, summary in found]


def _summary(
    images: ImageStore,
    image: Image,
    tags: list[str],
    digests: list[str],
    uses: Uses,
    shares: Counter[ChainID] | None,
) -> ImageSummary:
    shared = -1
    if shares is not None:
        shared = sum(layer.size for layer in images.layers.stack(image.top) if shares[layer.chain_id] > 1)
    return ImageSummary(
        containers=len(uses(image.id)),
        created=image.created // 1_000_000_000,
        id=image.id,
        descriptor=platforms.target(images, image) or UNSET,
        labels=image.config.runtime.labels,
        parent_id=image.parent or "",
        repo_digests=digests,
        repo_tags=tags,
        shared_size=shared,
        size=image.size,
    )


def _shares(images: ImageStore) -> Counter[ChainID]:
    """In how many images each layer is."""
    return Counter(layer.chain_id for image in images for layer in images.layers.stack(image.top))
