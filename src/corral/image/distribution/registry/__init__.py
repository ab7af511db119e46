"""The client of the distribution specification: manifests, blobs and names of a registry, in both directions.

Vocabulary: a *registry* is what the domain of an image's name stands for; its *endpoints* are the servers that hold
it, mirrors first; a *repository* is all that has one name there. A *descriptor* (`corral.oci.image.Descriptor`) names a
blob or a manifest by digest, size and media type.

Example::

    registries = Registries(RegistryConfig(insecure=("registry.lan:5000",)))
    async with registries.repository(parse_reference("registry.lan:5000/app:1"), credentials) as repository:
        manifest = await repository.manifest("1")                  # digest checked, at most 4 MiB
        for layer in decode_manifest(manifest.content).layers:
            with content.resume(layer.digest, layer.size) as ingest:
                async with repository.blob(layer, ingest.written) as body:
                    async for piece in body:                       # broken connections are taken up again inside
                        ingest.write(piece)
                ingest.commit()                                    # the digest is checked here

    async with registries.repository(reference, credentials, push=True) as repository:
        if await repository.blob_exists(digest) is None and not await repository.mount(digest, "team/base"):
            await repository.upload(digest, size, open, progress)  # open() starts the bytes, again after a failure
        await repository.put_manifest("1", content, media_type)

Every method raises errors of `corral.errors` in Docker's words, without any secret in them: NotFound, Unauthorized,
Forbidden, Invalid for what is not what its digest or its form promises, Unavailable for a server that cannot be reached
or trusted, wants to be shown what we do not have, or has failed `RegistryConfig.attempts` times. ``code`` of the error
is the specification's ("manifest_unknown"), where the registry gave one. Cancellation closes the connection at once.

Layers of the package: `wire` (one exchange by aiohttp, imported with the first request) < `server` (what is shared by
all who talk to one server) < `channel` (credentials, redirects, further attempts) < `manifests`, `blobs`, `uploads`,
`tags`, `referrers`, `login`, `search` < `route` (which endpoint) < `repository`, `registries`. It knows no store and
imports ``corral.oci`` and ``corral.errors`` only.
"""

from corral.image.distribution.registry.config import (
    Mirror,
    Patience,
    Proxies,
    RegistryConfig,
    validate_mirror,
)
from corral.image.distribution.registry.credentials import Credentials
from corral.image.distribution.registry.endpoints import INDEX_SERVER, credentials_key
from corral.image.distribution.registry.insecure import validate_insecure
from corral.image.distribution.registry.login import LoginAnswer
from corral.image.distribution.registry.manifests import ManifestContent
from corral.image.distribution.registry.registries import Registries
from corral.image.distribution.registry.repository import BlobBody, Repository

__all__ = [
    "INDEX_SERVER",
    "BlobBody",
    "Credentials",
    "LoginAnswer",
    "ManifestContent",
    "Mirror",
    "Patience",
    "Proxies",
    "Registries",
    "RegistryConfig",
    "Repository",
    "credentials_key",
    "validate_insecure",
    "validate_mirror",
]
