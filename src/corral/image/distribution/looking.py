"""What a registry has under a name, without fetching the image: ``GET /distribution/NAME/json``."""

from __future__ import annotations

from corral.api.types.image import DescriptorPlatform
from corral.api.types.registry import DistributionInspect
from corral.image.distribution import selection
from corral.image.distribution.registry import Repository
from corral.image.platforms import platform_wire, show
from corral.oci.image import INDEX_TYPES, MANIFEST_TYPES, decode_config, decode_index, decode_manifest
from corral.oci.platform import Platform
from corral.oci.reference import Reference

__all__ = ["look"]


async def look(repository: Repository, reference: Reference) -> DistributionInspect:
    """Raises NotFound, Unauthorized, Forbidden, Unavailable, Invalid."""
    found = await repository.manifest(reference.digest or reference.tag)
    platforms: list[DescriptorPlatform] = []
    if found.media_type in INDEX_TYPES:
        members = (selection.platform_in(member) for member in decode_index(found.content).manifests)
        platforms = [platform_wire(platform) for platform in members if platform is not None]
    elif found.media_type in MANIFEST_TYPES:
        manifest = decode_manifest(found.content, reference.familiar)
        selection.check_manifest(manifest)
        async with repository.blob(manifest.config) as body:
            config = decode_config(b"".join([piece async for piece in body]))
        platforms = [platform_wire(Platform(config.os, config.architecture, config.variant))]
    return DistributionInspect(descriptor=show(found.descriptor), platforms=platforms)
