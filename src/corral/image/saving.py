"""``docker save``: images as an archive that Docker, and any tool for OCI image layouts, loads.

::

    blobs/sha256/HEX      configurations, layers (uncompressed, once each), manifests
    index.json            OCI image layout: a manifest for each name
    manifest.json         Docker's list of images
    oci-layout
    repositories          names for Docker before 1.10
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

import msgspec

from corral.archive.pack import Member
from corral.errors import Invalid
from corral.image import saved
from corral.image.layer.record import Layer
from corral.image.record import Image
from corral.image.store import ImageStore
from corral.oci import image as spec
from corral.oci.digest import Digest, ImageID, digest_of, encoded_of
from corral.oci.reference import Reference, parse_reference

_NANO: Final = 1_000_000_000
_DIRECTORY: Final = "blobs/sha256/"

Selection = dict[ImageID, list[Reference]]


def select(images: ImageStore, refs: Iterable[str]) -> Selection:
    """The images that ``refs`` mean, and the names they are saved under; a repository means all its tags.

    Raises NotFound, Invalid.
    """
    selection: Selection = {}
    for text in refs:
        for image_id, reference in _meant(images, text):
            names = selection.setdefault(image_id, [])
            if reference is not None and reference not in names:
                names.append(reference)
    return selection


def _meant(images: ImageStore, text: str) -> list[tuple[ImageID, Reference | None]]:
    if tags := _repository(images, text):
        return tags
    image = images.resolve(text)
    if image.id.removeprefix("sha256:").startswith(text.removeprefix("sha256:")):
        return [(image.id, None)]
    return [(image.id, parse_reference(text).tagged())]


def _repository(images: ImageStore, text: str) -> list[tuple[ImageID, Reference | None]]:
    """All tags of the repository ``text``; nothing when it is a name with a tag, an id, or unknown."""
    try:
        wanted = parse_reference(text)
    except Invalid:
        return []
    if not wanted.is_name_only:
        return []
    return [
        (image.id, reference)
        for image in images
        for reference in images.references.of(image.id)
        if reference.name == wanted.name and reference.tag
    ]


def plan(images: ImageStore, selection: Selection) -> list[Member]:
    """The archive's members, in order."""
    blobs: dict[str, Member] = {}
    manifest: list[saved.Item] = []
    index: list[spec.Descriptor] = []
    repositories: dict[str, dict[str, str]] = {}
    newest = 0
    for image_id, references in selection.items():
        image = images.get(image_id)
        created = max(0, image.created // _NANO)
        newest = max(newest, created)
        stack = tuple(reversed(images.layers.stack(image.top)))
        config = images.content.read(image_id)
        blobs.setdefault(image_id, _text(_path(image_id), config, created))
        for layer in stack:
            blobs.setdefault(layer.diff_id, _layer(images, layer, created))
        content = _manifest(image_id, len(config), stack)
        digest = digest_of(content)
        blobs.setdefault(digest, _text(_path(digest), content, 0))
        index += _descriptors(digest, len(content), references)
        manifest.append(_item(images, image, stack, references))
        if stack:
            for reference in references:
                tags = repositories.setdefault(reference.familiar_name, {})
                tags[reference.tag] = encoded_of(stack[-1].diff_id)
    members = [Member("blobs/", mtime=newest), Member(_DIRECTORY, mtime=newest)]
    members += [blobs[digest] for digest in sorted(blobs)]
    members += [
        _text(saved.INDEX, spec.encode(spec.Index(manifests=index)), 0),
        _text(saved.MANIFEST, msgspec.json.encode(manifest), 0),
        Member(saved.LAYOUT, saved.LAYOUT_CONTENT),
    ]
    if repositories:
        members.append(Member(saved.REPOSITORIES, json.dumps(repositories, separators=(",", ":"))))
    return members


def _path(digest: str) -> str:
    return _DIRECTORY + encoded_of(digest)


def _text(name: str, content: bytes, mtime: int) -> Member:
    return Member(name, content.decode(), mtime)


def _layer(images: ImageStore, layer: Layer, mtime: int) -> Member:
    files = images.layers.driver.files(layer.cache_id)
    return Member(
        _path(layer.diff_id),
        mtime=mtime,
        recipe=files.recipe,
        root=files.root,
        aside=files.aside,
        size=layer.tar_size,
        digest=layer.diff_id,
    )


def _layer_descriptor(layer: Layer) -> spec.Descriptor:
    return spec.descriptor_of(spec.LAYER, Digest(layer.diff_id), layer.tar_size)


def _manifest(image_id: ImageID, config_size: int, stack: tuple[Layer, ...]) -> bytes:
    return spec.encode(
        spec.Manifest(
            config=spec.descriptor_of(spec.CONFIG, Digest(image_id), config_size),
            layers=[_layer_descriptor(layer) for layer in stack],
        )
    )


def _descriptors(digest: Digest, size: int, references: list[Reference]) -> list[spec.Descriptor]:
    plain = spec.descriptor_of(spec.MANIFEST, digest, size)
    return [
        spec.Descriptor(
            media_type=plain.media_type,
            digest=plain.digest,
            size=plain.size,
            annotations={saved.NAME_ANNOTATION: str(reference), saved.TAG_ANNOTATION: reference.tag},
        )
        for reference in references
    ] or [plain]


def _item(images: ImageStore, image: Image, stack: tuple[Layer, ...], references: list[Reference]) -> saved.Item:
    return saved.Item(
        config=_path(image.id),
        repo_tags=[reference.familiar for reference in references] or None,
        layers=[_path(layer.diff_id) for layer in stack],
        parent=image.parent if image.parent is not None and image.parent in images else "",
        layer_sources={layer.diff_id: _layer_descriptor(layer) for layer in stack},
    )
