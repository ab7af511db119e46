"""What refers to a manifest: signatures, attestations, bills of materials."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from corral.errors import Invalid
from corral.image.distribution.registry import manifests
from corral.image.distribution.registry.channel import Channel
from corral.image.distribution.registry.faults import Nonsense, Refused
from corral.image.distribution.registry.request import Request, operation
from corral.image.distribution.registry.tags import next_page
from corral.oci import image
from corral.oci.digest import Digest

_MOST_PAGES: Final = 1000


async def referrers(channel: Channel, name: str, digest: Digest, artifact_type: str = "") -> image.Index:
    """From the referrers API, or, where there is none, from the index under the tag that the specification names.
    Filtered by ``artifact_type``, if one is given. Raises Fault."""
    query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type else ""
    url = channel.url(f"{name}/referrers/{digest}{query}")
    found: list[image.Descriptor] = []
    for _ in range(_MOST_PAGES):
        try:
            answer, content = await channel.read(Request("GET", url, {"Accept": image.INDEX}), manifests.LARGEST)
        except Refused as fault:
            if fault.status != 404 or found:
                raise
            found = await _by_tag(channel, name, digest)
            break
        found += _decoded(content, operation("GET", url)).manifests
        if not (link := next_page(answer.headers.get("Link", ""))):
            break
        url = channel.leads(url, link, operation("GET", url))
    return image.Index(manifests=[one for one in found if not artifact_type or one.artifact_type == artifact_type])


def schema_tag(digest: str) -> str:
    """Where referrers are listed in a registry without the API (distribution-spec, "Referrers Tag Schema")."""
    algorithm, _, encoded = digest.partition(":")
    return f"{algorithm[:32]}-{encoded[:64]}"


async def _by_tag(channel: Channel, name: str, digest: str) -> list[image.Descriptor]:
    try:
        manifest = await manifests.get(channel, name, schema_tag(digest), accept=image.INDEX)
        return image.decode_index(manifest.content).manifests if manifest.media_type == image.INDEX else []
    except Refused as fault:
        if fault.status == 404:
            return []
        raise
    except (Invalid, Nonsense):
        return []


def _decoded(content: bytes, where: str) -> image.Index:
    try:
        return image.decode_index(content)
    except Invalid as error:
        raise Nonsense(f"{where}: {error.message}") from None
