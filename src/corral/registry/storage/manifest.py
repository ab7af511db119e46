"""What a manifest refers to: all that the server has to know of it.

Image manifests and indexes of the OCI and of Docker (schema 2), and the OCI artifact manifest that came and went before
1.1. Everything else is refused by its media type. Fields that are not known are nobody's business: the bytes are kept.

Source: OCI image-spec 1.1, manifest.md, image-index.md, descriptor.md; distribution-spec 1.1, "Pushing Manifests".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from corral.oci.digest import Digest
from corral.oci.image import DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, INDEX, MANIFEST
from corral.registry.names import check_digest, clipped
from corral.registry.refusals import MANIFEST_INVALID, MANIFEST_LARGE, Refusal

__all__ = ["MAXIMUM", "Parsed", "Part", "parse_manifest"]

MAXIMUM: Final = 4 << 20
"""Bytes of a manifest; the specification asks for at least 4 megabytes."""
_PARTS_MAXIMUM: Final = 10_000

ARTIFACT: Final = "application/vnd.oci.artifact.manifest.v1+json"
_INDEXES: Final = frozenset({INDEX, DOCKER_MANIFEST_LIST})
_TYPES: Final = frozenset({MANIFEST, DOCKER_MANIFEST, ARTIFACT}) | _INDEXES
_SCHEMA_1: Final = "application/vnd.docker.distribution.manifest.v1+"


class _Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    digest: str
    media_type: str = ""
    size: int = -1
    urls: list[str] | None = None


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    """The union of all kinds: which fields count is decided by the media type."""

    schema_version: int = 0
    media_type: str = ""
    artifact_type: str = ""
    config: _Descriptor | None = None
    layers: list[_Descriptor] | None = None
    blobs: list[_Descriptor] | None = None
    manifests: list[_Descriptor] | None = None
    subject: _Descriptor | None = None
    annotations: dict[str, str] | None = None


_DECODER: Final = msgspec.json.Decoder(_Document)


@dataclass(frozen=True, slots=True)
class Part:
    """Something that a manifest refers to. ``needed``: it has to be in the repository (others are fetched by url)."""

    digest: Digest
    size: int
    is_manifest: bool
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Parsed:
    media_type: str
    parts: tuple[Part, ...]
    subject: Digest | None
    artifact_type: str
    annotations: dict[str, str]


def parse_manifest(content: bytes, content_type: str) -> Parsed:
    """``content_type`` is the request's header, perhaps empty. Raises Refusal."""
    if len(content) > MAXIMUM:
        raise Refusal(MANIFEST_LARGE, f"{MAXIMUM} bytes")
    given = content_type.partition(";")[0].strip().lower()
    if given.startswith(_SCHEMA_1):
        raise Refusal(MANIFEST_INVALID, text="manifests of schema version 1 are not supported: push schema version 2")
    document = _decode(content)
    if document.schema_version == 1:
        raise Refusal(MANIFEST_INVALID, text="manifests of schema version 1 are not supported: push schema version 2")
    media_type = _media_type(document, given)
    if media_type in _INDEXES:
        parts = [_part(item, is_manifest=True) for item in document.manifests or ()]
    elif media_type == ARTIFACT:
        parts = [_part(item) for item in document.blobs or ()]
    else:
        if document.config is None:
            raise Refusal(MANIFEST_INVALID, "config is missing")
        parts = [_part(item) for item in (document.config, *(document.layers or ()))]
    if len(parts) > _PARTS_MAXIMUM:
        raise Refusal(MANIFEST_INVALID, f"it refers to {len(parts)} objects, more than {_PARTS_MAXIMUM}")
    artifact_type = document.artifact_type
    if not artifact_type and document.config is not None and media_type == MANIFEST:
        artifact_type = document.config.media_type
    return Parsed(
        media_type,
        tuple(dict.fromkeys(parts)),
        check_digest(document.subject.digest) if document.subject else None,
        artifact_type,
        document.annotations or {},
    )


def _decode(content: bytes) -> _Document:
    try:
        return _DECODER.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(MANIFEST_INVALID, clipped(str(error))) from None


def _media_type(document: _Document, given: str) -> str:
    """What the header says, which the document must not contradict; without a header, what the document is."""
    inside = document.media_type
    if given in ("", "application/octet-stream", "application/json", "text/plain"):
        given = inside or (INDEX if document.manifests is not None else MANIFEST)
    if inside and inside != given:
        raise Refusal(MANIFEST_INVALID, f"mediaType is {clipped(inside)}, but the content type is {clipped(given)}")
    if given not in _TYPES:
        raise Refusal(MANIFEST_INVALID, f"unknown media type {clipped(given)}")
    if document.manifests is not None and (document.config is not None or document.layers is not None):
        # one document that is two things to two readers: CVE-2021-41190
        raise Refusal(MANIFEST_INVALID, "it has both manifests and config or layers")
    if given not in _INDEXES and document.manifests is not None:
        raise Refusal(MANIFEST_INVALID, "an image manifest has no manifests")
    if given in _INDEXES and document.manifests is None and document.layers is not None:
        raise Refusal(MANIFEST_INVALID, "an index has no layers")
    return given


def _part(item: _Descriptor, *, is_manifest: bool = False) -> Part:
    needed = is_manifest or not (item.urls or "foreign" in item.media_type or "nondistributable" in item.media_type)
    return Part(check_digest(item.digest), item.size, is_manifest, needed)
