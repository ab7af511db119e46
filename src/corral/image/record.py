"""An image as the rest of the engine sees it."""

from __future__ import annotations

from dataclasses import dataclass

from corral.oci.digest import ChainID, ImageID
from corral.oci.image import Descriptor, ImageConfig


@dataclass(frozen=True, slots=True)
class Image:
    """``size``: bytes of the files of all layers; ``created`` and ``tagged_at``: nanoseconds, 0 when unknown.

    ``top`` is the topmost layer (None: an image without layers), ``parent`` the image that this one was built on.
    """

    id: ImageID
    config: ImageConfig
    top: ChainID | None
    size: int
    created: int
    parent: ImageID | None = None
    tagged_at: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """What an image looks like in registries: its manifest, the index that led to it (None: nothing did), its layers.

    ``layers`` are those of the manifest, lowest first: media type, digest and size as they are transferred.
    """

    manifest: Descriptor
    index: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()

    @property
    def target(self) -> Descriptor:
        """What a name in the registry refers to."""
        return self.index or self.manifest


@dataclass(frozen=True, slots=True)
class ImageUse:
    """A container that was made from an image."""

    container_id: str
    name: str
    running: bool
