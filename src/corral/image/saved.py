"""What stands in a saved archive: the file formats of `docker save`, decoded and encoded.

Two indexes describe the same blobs: ``manifest.json`` is Docker's, with paths of any kind, and is preferred;
``index.json`` is the OCI image layout's. ``repositories`` is what Docker before 1.10 read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from corral.errors import Invalid, Unsupported
from corral.image.spool import Spool
from corral.oci import image as spec
from corral.oci.digest import algorithm_of, encoded_of
from corral.oci.platform import host_platform

MANIFEST: Final = "manifest.json"
INDEX: Final = "index.json"
LAYOUT: Final = "oci-layout"
REPOSITORIES: Final = "repositories"
LAYOUT_CONTENT: Final = '{"imageLayoutVersion": "1.0.0"}'
NAME_ANNOTATION: Final = "io.containerd.image.name"
TAG_ANNOTATION: Final = "org.opencontainers.image.ref.name"
_JSON_MAXIMUM: Final = 16 << 20


class Item(msgspec.Struct, rename="pascal", omit_defaults=True):
    """One image of ``manifest.json``."""

    config: str
    repo_tags: list[str] | None = None
    layers: list[str] | None = None
    parent: str = ""
    layer_sources: dict[str, spec.Descriptor] | None = None


@dataclass(frozen=True, slots=True)
class SavedLayer:
    """``digest``: of the blob as it lies in the archive, when that is known."""

    path: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class SavedImage:
    """``config_digest`` is what the configuration must have, when something promised it."""

    config_path: str
    config_digest: str
    layers: tuple[SavedLayer, ...]
    names: tuple[str, ...]
    parent: str = ""


def read(spool: Spool) -> list[SavedImage]:
    """The images of an unpacked archive. Raises Invalid, Unsupported."""
    if spool.exists(MANIFEST):
        return [_from_docker(item) for item in _decode(spool, MANIFEST, list[Item])]
    if spool.exists(INDEX):
        return _from_index(spool, spec.decode_index(spool.read(INDEX, _JSON_MAXIMUM)), ())
    if spool.exists(REPOSITORIES):
        raise Unsupported("the archive has no manifest.json: it was made by Docker before 1.10")
    raise Invalid("the archive holds no images: neither manifest.json nor index.json is in it")


def _decode(spool: Spool, path: str, kind: type[list[Item]]) -> list[Item]:
    try:
        return msgspec.json.decode(spool.read(path, _JSON_MAXIMUM), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: {error}") from error


def _from_docker(item: Item) -> SavedImage:
    return SavedImage(
        config_path=item.config,
        config_digest=_promised(item.config),
        layers=tuple(SavedLayer(path, _promised(path)) for path in item.layers or ()),
        names=tuple(item.repo_tags or ()),
        parent=item.parent,
    )


def _promised(path: str) -> str:
    """The digest that a blob's path claims: ``blobs/sha256/HEX`` or ``HEX.json``; "" for other paths."""
    name = path.rpartition("/")[2]
    hexdigits = name.removesuffix(".json")
    if len(hexdigits) == 64 and (path == f"blobs/sha256/{name}" or path == f"{hexdigits}.json"):
        return f"sha256:{hexdigits}"
    return ""


def _from_index(spool: Spool, index: spec.Index, names: tuple[str, ...], depth: int = 0) -> list[SavedImage]:
    if depth > 3:
        raise Invalid("image indexes are nested too deeply")
    images = []
    for descriptor in index.manifests:
        if depth and not _runs_here(descriptor):
            continue
        given = names or _names(descriptor)
        content = spool.blob(descriptor.digest, _JSON_MAXIMUM)
        if descriptor.media_type in spec.INDEX_TYPES:
            images += _from_index(spool, spec.decode_index(content), given, depth + 1)
        elif descriptor.media_type in spec.MANIFEST_TYPES:
            images.append(_from_manifest(spec.decode_manifest(content), given))
    return images


def _from_manifest(manifest: spec.Manifest, names: tuple[str, ...]) -> SavedImage:
    return SavedImage(
        config_path=_blob_path(manifest.config.digest),
        config_digest=manifest.config.digest,
        layers=tuple(SavedLayer(_blob_path(layer.digest), layer.digest) for layer in manifest.layers),
        names=names,
    )


def _blob_path(digest: str) -> str:
    return f"blobs/{algorithm_of(digest)}/{encoded_of(digest)}"


def _names(descriptor: spec.Descriptor) -> tuple[str, ...]:
    """The full name when a tool left one; a bare tag names nothing."""
    annotations = descriptor.annotations or {}
    name = annotations.get(NAME_ANNOTATION) or annotations.get(TAG_ANNOTATION, "")
    return (name,) if "/" in name or ":" in name else ()


def _runs_here(descriptor: spec.Descriptor) -> bool:
    platform = descriptor.platform
    if platform is None:
        return True
    host = host_platform()
    return (platform.os, platform.architecture) == (host.os, host.architecture)
