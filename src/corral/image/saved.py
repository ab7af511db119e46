"""What stands in a saved archive: the file formats of `docker save`, decoded and encoded.

Two indexes describe the same blobs: ``manifest.json`` is Docker's, with paths of any kind; ``index.json`` is the OCI
image layout's, where a name may lead to an index of several platforms. Docker's is preferred, unless the other has what
it cannot say. ``repositories`` is what Docker before 1.10 read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from corral.errors import Invalid, NotFound, Unsupported
from corral.image.record import Origin
from corral.image.spool import Spool
from corral.oci import image as spec
from corral.oci.digest import algorithm_of, encoded_of
from corral.oci.platform import Platform, acceptable, rank

MANIFEST: Final = "manifest.json"
INDEX: Final = "index.json"
LAYOUT: Final = "oci-layout"
REPOSITORIES: Final = "repositories"
LAYOUT_CONTENT: Final = '{"imageLayoutVersion": "1.0.0"}'
NAME_ANNOTATION: Final = "io.containerd.image.name"
TAG_ANNOTATION: Final = "org.opencontainers.image.ref.name"
JSON_MAXIMUM: Final = 16 << 20
_DEPTH_MAXIMUM: Final = 3
_SYSTEM: Final = "linux"


class Item(msgspec.Struct, rename="pascal", omit_defaults=True):
    """One image of ``manifest.json``."""

    config: str
    repo_tags: list[str] | None = None
    layers: list[str] | None = None
    parent: str = ""
    layer_sources: dict[str, spec.Descriptor] | None = None


@dataclass(frozen=True, slots=True)
class SavedLayer:
    """``digest``: of the blob as it lies in the archive, when that is known; ``media_type`` "" when nobody said."""

    path: str
    digest: str = ""
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class SavedImage:
    """``config_digest`` is what the configuration must have, when something promised it.

    ``origin``: its manifest and index, which are blobs of the archive.
    """

    config_path: str
    config_digest: str
    layers: tuple[SavedLayer, ...]
    names: tuple[str, ...]
    parent: str = ""
    origin: Origin | None = None


def read(spool: Spool, wanted: Platform | None = None) -> list[SavedImage]:
    """The images of an unpacked archive. Raises Invalid, Unsupported, NotFound when none is for ``wanted``."""
    index = spec.decode_index(spool.read(INDEX, JSON_MAXIMUM)) if spool.exists(INDEX) else None
    items = _decode(spool) if spool.exists(MANIFEST) else None
    if index is None and items is None:
        if spool.exists(REPOSITORIES):
            raise Unsupported("the archive has no manifest.json: it was made by Docker before 1.10")
        raise Invalid("the archive holds no images: neither manifest.json nor index.json is in it")
    listed = list(_from_index(spool, index, wanted)) if index is not None else []
    if items is None:
        return listed
    if any(image.origin is not None and image.origin.index is not None for image in listed):
        tags = {_promised(item.config): tuple(item.repo_tags or ()) for item in items}
        return [image if image.names else replace(image, names=_named(image, listed, tags)) for image in listed]
    origins = {image.config_digest: image for image in listed}
    return [_from_docker(item, origins.get(_promised(item.config))) for item in items]


def _named(image: SavedImage, images: list[SavedImage], tags: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Names that Docker's list has for an image, or for another one of the same index."""
    index = image.origin.index if image.origin is not None else None
    for other in images:
        same = other is image or (index is not None and other.origin is not None and other.origin.index == index)
        if same and tags.get(other.config_digest):
            return tags[other.config_digest]
    return ()


def _decode(spool: Spool) -> list[Item]:
    try:
        return msgspec.json.decode(spool.read(MANIFEST, JSON_MAXIMUM), type=list[Item])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{MANIFEST}: {error}") from error


def _from_docker(item: Item, same: SavedImage | None) -> SavedImage:
    """``same``: what index.json says of the image."""
    digest = _promised(item.config)
    layers = tuple(SavedLayer(path, _promised(path)) for path in item.layers or ())
    origin = None
    if same is not None and [layer.digest for layer in layers] == [layer.digest for layer in same.layers]:
        layers, origin = same.layers, same.origin
    return SavedImage(item.config, digest, layers, tuple(item.repo_tags or ()), item.parent, origin)


def _promised(path: str) -> str:
    """The digest that a blob's path claims: ``blobs/sha256/HEX`` or ``HEX.json``; "" for other paths."""
    name = path.rpartition("/")[2]
    hexdigits = name.removesuffix(".json")
    if len(hexdigits) == 64 and (path == f"blobs/sha256/{name}" or path == f"{hexdigits}.json"):
        return f"sha256:{hexdigits}"
    return ""


def _from_index(spool: Spool, index: spec.Index, wanted: Platform | None) -> Iterator[SavedImage]:
    for descriptor in index.manifests:
        names = _names(descriptor)
        if descriptor.media_type in spec.INDEX_TYPES:
            yield from _members(spool, _plain(descriptor), names, wanted)
        elif descriptor.media_type in spec.MANIFEST_TYPES and not descriptor.attests:
            yield _from_manifest(spool, _plain(descriptor), None, names)


def _members(
    spool: Spool, index: spec.Descriptor, names: tuple[str, ...], wanted: Platform | None
) -> Iterator[SavedImage]:
    """The images of an index that are in the archive; only the one that serves ``wanted`` best if that is given."""
    found = [member for member in _manifests(spool, index) if spool.exists(blob_path(member.digest))]
    if wanted is not None:
        found = _best(found, wanted)
    images = [_from_manifest(spool, member, index, names) for member in found]
    whole = [image for image in images if all(spool.exists(layer.path) for layer in image.layers)]
    if not whole:
        what = f"for {wanted}" if wanted is not None else f"for {_SYSTEM}"
        raise NotFound(f"the archive has no image of {names[0] if names else index.digest} {what}")
    yield from whole


def _best(members: list[spec.Descriptor], wanted: Platform) -> list[spec.Descriptor]:
    preference = acceptable(wanted)
    ranked = [(rank(preference, platform_of(member)), number) for number, member in enumerate(members)]
    fitting = [(place, number) for place, number in ranked if place is not None]
    return [members[min(fitting)[1]]] if fitting else []


def platform_of(member: spec.Descriptor) -> Platform:
    """What an index says of a member; without a word about it, any Linux."""
    said = member.platform
    return Platform("", "") if said is None else Platform(said.os, said.architecture, said.variant)


def _manifests(spool: Spool, index: spec.Descriptor, depth: int = 0) -> Iterator[spec.Descriptor]:
    if depth > _DEPTH_MAXIMUM:
        raise Invalid("image indexes are nested too deeply")
    for member in spec.decode_index(spool.blob(index.digest, JSON_MAXIMUM)).manifests:
        if member.media_type in spec.INDEX_TYPES:
            if spool.exists(blob_path(member.digest)):
                yield from _manifests(spool, member, depth + 1)
        elif member.media_type in spec.MANIFEST_TYPES and not member.attests:
            if member.platform is None or member.platform.os in ("", _SYSTEM):
                yield member


def _from_manifest(
    spool: Spool, descriptor: spec.Descriptor, index: spec.Descriptor | None, names: tuple[str, ...]
) -> SavedImage:
    manifest = spec.decode_manifest(spool.blob(descriptor.digest, JSON_MAXIMUM), descriptor.digest)
    return SavedImage(
        config_path=blob_path(manifest.config.digest),
        config_digest=manifest.config.digest,
        layers=tuple(SavedLayer(blob_path(layer.digest), layer.digest, layer.media_type) for layer in manifest.layers),
        names=names,
        origin=Origin(descriptor, index, tuple(manifest.layers)),
    )


def attestations(spool: Spool, index: spec.Descriptor) -> Iterator[spec.Descriptor]:
    """The attestation manifests of an index that are in the archive."""
    for member in spec.decode_index(spool.blob(index.digest, JSON_MAXIMUM)).manifests:
        if member.attests and spool.exists(blob_path(member.digest)):
            yield member


def blob_path(digest: str) -> str:
    return f"blobs/{algorithm_of(digest)}/{encoded_of(digest)}"


def _plain(descriptor: spec.Descriptor) -> spec.Descriptor:
    """Without the names that only this archive has for it."""
    kept = {
        key: value
        for key, value in (descriptor.annotations or {}).items()
        if key not in (NAME_ANNOTATION, TAG_ANNOTATION)
    }
    return msgspec.structs.replace(descriptor, annotations=kept or None)


def _names(descriptor: spec.Descriptor) -> tuple[str, ...]:
    """The full name when a tool left one; a bare tag names nothing."""
    annotations = descriptor.annotations or {}
    name = annotations.get(NAME_ANNOTATION) or annotations.get(TAG_ANNOTATION, "")
    return (name,) if "/" in name or ":" in name else ()
