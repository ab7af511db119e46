"""What an image looks like in registries, for list and inspect: its descriptor, and the members of its index.

A member's content is what is stored of its manifest, its configuration and its compressed layers; an image that is a
member and was pulled has its unpacked layers besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from corral.api.types import image as wire
from corral.api.types.wire import UNSET
from corral.image.manifests import references
from corral.image.record import Image, ImageUse, Origin
from corral.image.store import ImageStore, platform_of
from corral.oci.digest import ImageID
from corral.oci.image import INDEX_TYPES, Descriptor, DescriptorPlatform
from corral.oci.platform import Platform

Uses = Callable[[ImageID], list[ImageUse]]

_UNKNOWN_PLATFORM = "unknown"


def target(images: ImageStore, image: Image) -> wire.Descriptor | None:
    """What the image's name refers to in the registry that it last came from or went to."""
    origins = images.origins(image.id)
    return show(origins[0].target) if origins else None


def summaries(images: ImageStore, image: Image, uses: Uses) -> list[wire.ManifestSummary]:
    """All members of the index that the image's name refers to; its manifest alone when there is no index."""
    origins = images.origins(image.id)
    if not origins:
        return []
    stored = _by_manifest(images)
    return [_summary(images, member, stored.get(member.digest), uses) for member in _members(images, origins[0])]


def _by_manifest(images: ImageStore) -> dict[str, Image]:
    return {origin.manifest.digest: image for image in images for origin in images.origins(image.id)}


def _members(images: ImageStore, origin: Origin) -> Iterator[Descriptor]:
    listed = references(images.content, origin.index) if origin.index is not None else []
    if not any(member.digest == origin.manifest.digest for member in listed):
        yield origin.manifest
    for member in listed:
        if member.media_type not in INDEX_TYPES:
            yield member


def _summary(images: ImageStore, member: Descriptor, image: Image | None, uses: Uses) -> wire.ManifestSummary:
    content, whole = _content(images, member)
    summary = wire.ManifestSummary(
        id=member.digest,
        descriptor=show(member),
        available=whole or image is not None,
        size=wire.ManifestSize(content=content, total=content),
    )
    if member.attests:
        summary.kind = "attestation"
        summary.attestation_data = wire.AttestationProperties(for_=member.attests)
    elif image is not None or _is_image(member):
        summary.kind = "image"
        summary.image_data = _properties(member, image, uses)
        summary.size.total += summary.image_data.size.unpacked
    return summary


def _content(images: ImageStore, member: Descriptor) -> tuple[int, bool]:
    """Bytes that are stored of a manifest and what it refers to, and whether that is all."""
    sizes = {child.digest: images.content.size(child.digest) for child in (member, *references(images.content, member))}
    return sum(size for size in sizes.values() if size is not None), len(sizes) > 1 and None not in sizes.values()


def _is_image(member: Descriptor) -> bool:
    return member.platform is not None and member.platform.os not in ("", _UNKNOWN_PLATFORM)


def _properties(member: Descriptor, image: Image | None, uses: Uses) -> wire.ImageProperties:
    if member.platform is not None and member.platform.architecture:
        platform = _platform(member.platform)
    else:
        platform = platform_wire(platform_of(image)) if image is not None else wire.DescriptorPlatform()
    return wire.ImageProperties(
        platform=platform,
        size=wire.UnpackedSize(unpacked=0 if image is None else image.size),
        containers=[] if image is None else [use.container_id for use in uses(image.id)],
    )


def show(descriptor: Descriptor) -> wire.Descriptor:
    return wire.Descriptor(
        media_type=descriptor.media_type,
        digest=descriptor.digest,
        size=descriptor.size,
        urls=descriptor.urls or UNSET,
        annotations=descriptor.annotations or UNSET,
        platform=UNSET if descriptor.platform is None else _platform(descriptor.platform),
        artifact_type=descriptor.artifact_type or UNSET,
    )


def _platform(platform: DescriptorPlatform) -> wire.DescriptorPlatform:
    return wire.DescriptorPlatform(
        platform.architecture, platform.os, platform.os_version or UNSET, platform.variant or UNSET
    )


def platform_wire(platform: Platform) -> wire.DescriptorPlatform:
    return wire.DescriptorPlatform(platform.architecture, platform.os, UNSET, platform.variant or UNSET)
