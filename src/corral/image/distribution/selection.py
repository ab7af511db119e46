"""What of a manifest or an index is wanted. Pure functions of what was fetched; nobody is asked.

Source: OCI image-spec, manifest.md and image-index.md; the words are those of the docker daemon.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from corral.errors import Invalid, NotFound, Unsupported
from corral.oci import image as spec
from corral.oci.image import Descriptor, ImageConfig, Index, Manifest
from corral.oci.platform import Platform, rank

__all__ = ["check_config", "check_manifest", "check_media_types", "choose", "is_foreign", "platform_in"]

CONFIG_MAXIMUM: Final = 16 << 20
LAYERS_MAXIMUM: Final = 127
"""overlayfs stacks no more; neither does Docker's overlay2."""

_CONFIGS: Final = frozenset({spec.CONFIG, spec.DOCKER_CONFIG, "application/octet-stream", ""})
"""Registries of 2015 called a configuration octets."""
_CLASSES: Final = {
    "application/vnd.docker.plugin.v1+json": "plugin",
    "application/vnd.docker.plugin.v0+json": "plugin",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "layer",
}
_FOREIGN: Final = ("application/vnd.docker.image.rootfs.foreign.", "application/vnd.oci.image.layer.nondistributable.")
_COMPRESSIONS: Final = ("", "+gzip", "+zstd", ".gzip", ".zstd", ".zst")
_LAYERS: Final = frozenset(
    stem + compression
    for stem in (
        spec.LAYER,
        spec.DOCKER_LAYER,
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
    )
    for compression in _COMPRESSIONS
)


def check_media_types(manifest: Manifest) -> None:
    """Raises Invalid for what is no image (a plugin); said before anything else, as Docker does."""
    kind = _CLASSES.get(manifest.config.media_type)
    if kind is not None:
        raise Invalid(f'Encountered remote "{manifest.config.media_type}"({kind}) when fetching')


def check_manifest(manifest: Manifest) -> None:
    """Raises Unsupported for what is no image or has layers of an unknown kind, Invalid for impossible numbers."""
    if manifest.config.media_type not in _CONFIGS:
        raise Unsupported(f"unsupported media type {manifest.config.media_type}")
    for layer in manifest.layers:
        if layer.media_type not in _LAYERS:
            raise Unsupported(f"unsupported media type {layer.media_type} of layer {layer.digest}")
        if layer.size < 0:
            raise Invalid(f"invalid image manifest: layer {layer.digest} has {layer.size} bytes")
    if not 0 <= manifest.config.size <= CONFIG_MAXIMUM:
        raise Invalid(f"invalid image manifest: a configuration of {manifest.config.size} bytes")
    if len(manifest.layers) > LAYERS_MAXIMUM:
        raise Invalid(f"max depth exceeded: {len(manifest.layers)} layers, at most {LAYERS_MAXIMUM} can be stacked")


def check_config(config: ImageConfig, manifest: Manifest) -> None:
    """Raises Invalid when the two do not describe the same image, Unsupported for another operating system."""
    if not config.rootfs.diff_ids and manifest.layers:
        raise Invalid("invalid rootfs in image configuration")
    if len(config.diff_ids) != len(manifest.layers):
        raise Invalid("layers from manifest don't match image configuration")
    if config.os not in ("", "linux"):
        raise Unsupported(
            f'image operating system "{config.os}" cannot be used on this platform: operating system is not supported'
        )


def choose(index: Index, preference: Sequence[Platform], wanted: Platform) -> Descriptor:
    """The member that serves best. ``preference``: what would do, best first; ``wanted`` is for the message.

    A member that says nothing of platforms does for any, when none fits better. Raises NotFound in Docker's words.
    """
    best: tuple[int, int] | None = None
    for number, member in enumerate(index.manifests):
        if member.attests:
            continue
        actual = platform_in(member)
        place = len(preference) if actual is None else rank(preference, actual)
        if place is not None and (best is None or (place, number) < best):
            best = (place, number)
    if best is None:
        raise NotFound(f"no matching manifest for {wanted} in the manifest list entries")
    member = index.manifests[best[1]]
    if member.media_type not in spec.MANIFEST_TYPES:
        raise Unsupported(f"unsupported media type {member.media_type} of manifest {member.digest}")
    return member


def platform_in(member: Descriptor) -> Platform | None:
    """None when it does not say."""
    platform = member.platform
    if platform is None or not (platform.os or platform.architecture):
        return None
    return Platform(platform.os, platform.architecture, platform.variant)


def is_foreign(layer: Descriptor) -> bool:
    """Its owner lets nobody else distribute it: it is fetched from its URLs, and never pushed."""
    return layer.media_type.startswith(_FOREIGN)
