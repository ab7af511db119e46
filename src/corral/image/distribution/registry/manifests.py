"""Manifests and indexes: small, and whole in memory, so their digests are checked here."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from corral.errors import Invalid
from corral.image.distribution.registry.channel import Channel, is_retried
from corral.image.distribution.registry.faults import Fault, Nonsense, Refused
from corral.image.distribution.registry.request import Request
from corral.oci import image
from corral.oci.digest import Digest, algorithm_of, parse_digest

if TYPE_CHECKING:
    from corral.image.distribution.registry.wire import Answer

LARGEST: Final = 4 << 20
SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+json"
SCHEMA1_SIGNED: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"
ACCEPT: Final = ", ".join(
    (image.MANIFEST, image.INDEX, image.DOCKER_MANIFEST, image.DOCKER_MANIFEST_LIST, SCHEMA1_SIGNED, SCHEMA1)
)
"""The first schema is asked for too: whoever gets one can say what it is."""

_KNOWN: Final = image.MANIFEST_TYPES | image.INDEX_TYPES | {SCHEMA1, SCHEMA1_SIGNED}
_TAG_OR_DIGEST: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+=-]{0,255}", re.ASCII)


class _Kind(msgspec.Struct, rename="camel"):
    schema_version: int = 0
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class ManifestContent:
    """``content`` is what ``digest`` is the digest of, byte for byte."""

    content: bytes
    media_type: str
    digest: Digest

    @property
    def descriptor(self) -> image.Descriptor:
        return image.descriptor_of(self.media_type, self.digest, len(self.content))


async def resolve(channel: Channel, name: str, tag_or_digest: str) -> image.Descriptor:
    """By HEAD; by GET where the answer does not say enough. Raises Fault."""
    request = Request("HEAD", _url(channel, name, tag_or_digest), {"Accept": ACCEPT})
    try:
        answer = await channel.send(request, attempts=1)
    except Fault as fault:
        if not (isinstance(fault, Refused) or is_retried(fault)):
            raise
        return (await get(channel, name, tag_or_digest)).descriptor  # HEAD tells no reasons, and some refuse it
    answer.release()
    digest = _digest_of(answer)
    media_type = _media_type(answer)
    if digest is None or media_type not in _KNOWN or answer.length is None:
        return (await get(channel, name, tag_or_digest)).descriptor
    if ":" in tag_or_digest and digest != tag_or_digest:
        raise Nonsense(f"manifest verification failed for digest {tag_or_digest}")
    if answer.length > LARGEST:
        raise Nonsense(f"manifest {tag_or_digest} is larger than {LARGEST} bytes")
    return image.descriptor_of(media_type, digest, answer.length)


async def get(channel: Channel, name: str, wanted: str | image.Descriptor, *, accept: str = ACCEPT) -> ManifestContent:
    """Raises Fault; Nonsense for what is not what the digest names."""
    tag_or_digest = wanted if isinstance(wanted, str) else wanted.digest
    answer, content = await channel.read(
        Request("GET", _url(channel, name, tag_or_digest), {"Accept": accept}), LARGEST
    )
    if not isinstance(wanted, str) and len(content) != wanted.size:
        raise Nonsense(f"manifest {wanted.digest} has {len(content)} bytes, expected {wanted.size}")
    expected = parse_digest(tag_or_digest) if ":" in tag_or_digest else _digest_of(answer)
    digest = expected or Digest("sha256:" + hashlib.sha256(content).hexdigest())
    if hashlib.new(algorithm_of(digest), content).hexdigest() != digest.partition(":")[2]:
        raise Nonsense(f"manifest verification failed for digest {digest}")
    return ManifestContent(content, kind_of(content, _media_type(answer)), digest)


async def put(channel: Channel, name: str, tag_or_digest: str, content: bytes, media_type: str) -> Digest:
    """Raises Fault."""
    request = Request("PUT", _url(channel, name, tag_or_digest), {"Content-Type": media_type}, content)
    answer = await channel.send(request, (201, 200, 202))
    answer.release()
    digest = Digest("sha256:" + hashlib.sha256(content).hexdigest())
    stored = _digest_of(answer)
    if stored is not None and algorithm_of(stored) == "sha256" and stored != digest:
        raise Nonsense(f"registry stored manifest {digest} as {stored}")
    return stored or digest


def kind_of(content: bytes, content_type: str) -> str:
    """The media type of a manifest that came as ``content_type``. Raises Nonsense when it says another of itself."""
    try:
        kind = msgspec.json.decode(content, type=_Kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Nonsense(f"invalid manifest: {error}") from None
    if content_type not in _KNOWN:
        if kind.media_type:
            return kind.media_type
        return SCHEMA1 if kind.schema_version == 1 else content_type
    if kind.media_type and kind.media_type != content_type:
        raise Nonsense(f"if present, mediaType in manifest should be '{content_type}' not '{kind.media_type}'")
    return content_type


def _url(channel: Channel, name: str, tag_or_digest: str) -> str:
    if not _TAG_OR_DIGEST.fullmatch(tag_or_digest):
        raise Invalid("invalid reference format")
    return channel.url(f"{name}/manifests/{quote(tag_or_digest, safe=':')}")


def _digest_of(answer: Answer) -> Digest | None:
    text = answer.headers.get("Docker-Content-Digest", "")
    if not text:
        return None
    try:
        return parse_digest(text)
    except Invalid as error:
        raise Nonsense(f"{error.message}: Docker-Content-Digest") from None


def _media_type(answer: Answer) -> str:
    return answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
