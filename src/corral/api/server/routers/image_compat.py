"""How older API versions showed images."""

from __future__ import annotations

from corral.api.server.version import ApiVersion
from corral.api.types.image import ImageInspect, ImageSummary
from corral.api.types.wire import UNSET, replace

__all__ = ["adapt_inspect", "adapt_summary"]


def adapt_summary(image: ImageSummary, version: ApiVersion) -> ImageSummary:
    """Containers are counted since 1.51; the virtual size went with 1.44, names for the nameless with 1.43."""
    if version >= (1, 51):
        return image
    image = replace(image, containers=-1)
    if version < (1, 48):
        image = replace(image, descriptor=UNSET)
    if version < (1, 47):
        image = replace(image, manifests=UNSET)
    if version < (1, 44):
        image = replace(image, virtual_size=image.size)
    if version < (1, 43) and not image.repo_tags and not image.repo_digests:
        image = replace(image, repo_tags=["<none>:<none>"], repo_digests=["<none>@<none>"])
    return image


def adapt_inspect(image: ImageInspect, version: ApiVersion) -> ImageInspect:
    if version < (1, 48):
        image = replace(image, descriptor=UNSET, manifests=UNSET)
    return replace(image, virtual_size=image.size) if version < (1, 44) else image
