"""The manifest of an image that has none, or whose layers look different now than in the one that it came with.

Written as Docker writes it, so that both give an image the same digest that has the same layers. What has no name among
Docker's media types (zstd) makes it an OCI manifest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from corral.image.distribution.registry import ManifestContent
from corral.oci import image as spec
from corral.oci.digest import ImageID, digest_of
from corral.oci.image import Descriptor

__all__ = ["compose", "layer_type"]

_GZIP: Final = ".gzip"
_INDENT: Final = "   "


def compose(image_id: ImageID, config_size: int, layers: Sequence[Descriptor]) -> ManifestContent:
    compressions = [_compression(layer.media_type) for layer in layers]
    docker = all(compression in ("", "gzip") for compression in compressions)
    manifest_type = spec.DOCKER_MANIFEST if docker else spec.MANIFEST
    config_type = spec.DOCKER_CONFIG if docker else spec.CONFIG
    value = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": {"mediaType": config_type, "size": config_size, "digest": image_id},
        "layers": [
            {"mediaType": layer_type(compression, docker=docker), "size": layer.size, "digest": layer.digest}
            for layer, compression in zip(layers, compressions, strict=True)
        ],
    }
    content = json.dumps(value, indent=_INDENT).encode()
    return ManifestContent(content, manifest_type, digest_of(content))


def layer_type(compression: str, *, docker: bool) -> str:
    if docker:
        return f"{spec.DOCKER_LAYER}.{compression}" if compression else spec.DOCKER_LAYER
    return f"{spec.LAYER}+{compression}" if compression else spec.LAYER


def _compression(media_type: str) -> str:
    """ "gzip", "zstd", or "" for none."""
    for end, name in ((".gzip", "gzip"), ("+gzip", "gzip"), ("zstd", "zstd"), (".zst", "zstd")):
        if media_type.endswith(end):
            return name
    return ""
