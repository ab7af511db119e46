"""``docker save``: images as an archive that Docker, and any tool for OCI image layouts, loads.

::

    blobs/sha256/HEX      configurations, layers (once each), manifests, indexes
    index.json            OCI image layout: a manifest or an index for each name
    manifest.json         Docker's list of images
    oci-layout
    repositories          names for Docker before 1.10

An image whose compressed layers are all stored is saved as it was in its registry, with the same manifest; of others
the tars of the layers are made again, uncompressed. A name that means several platforms' images is an index.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

import msgspec

from corral.archive.pack import Member
from corral.errors import Invalid, NotFound
from corral.image import saved
from corral.image.layer.record import Layer
from corral.image.manifests import references
from corral.image.record import Image, Origin
from corral.image.store import ImageStore, platform_of
from corral.oci import image as spec
from corral.oci.digest import Digest, ImageID, digest_of, encoded_of
from corral.oci.platform import Platform
from corral.oci.reference import Reference, parse_reference

_NANO: Final = 1_000_000_000
_DIRECTORY: Final = "blobs/sha256/"

Selection = dict[ImageID, list[Reference]]


def select(images: ImageStore, refs: Iterable[str], platform: Platform | None = None) -> Selection:
    """The images that ``refs`` mean, and the names they are saved under; a repository means all its tags, a name all
    its platforms unless ``platform`` is given. Raises NotFound, Invalid.
    """
    selection: Selection = {}
    for text in refs:
        for image_id, reference in _meant(images, text, platform):
            names = selection.setdefault(image_id, [])
            if reference is not None and reference not in names:
                names.append(reference)
    return selection


def _meant(images: ImageStore, text: str, platform: Platform | None) -> list[tuple[ImageID, Reference | None]]:
    if names := _repository(images, text):
        return [(image.id, name) for name in names for image in _members(images, str(name), name.familiar, platform)]
    image = images.resolve(text)
    if image.id.removeprefix("sha256:").startswith(text.removeprefix("sha256:")):
        return [(member.id, None) for member in _members(images, text, text, platform)]
    name = parse_reference(text).tagged()
    kept = None if name.digest else name
    return [(member.id, kept) for member in _members(images, text, text, platform)]


def _members(images: ImageStore, text: str, shown: str, platform: Platform | None) -> tuple[Image, ...]:
    if platform is None:
        return images.members(text)
    try:
        return (images.resolve(text, platform),)
    except NotFound:
        images.resolve(text)
        raise NotFound(f"no suitable export target found for platform {platform} in {shown}") from None


def _repository(images: ImageStore, text: str) -> list[Reference]:
    """All tags of the repository ``text``; nothing when it is a name with a tag, an id, or unknown."""
    try:
        wanted = parse_reference(text)
    except Invalid:
        return []
    if not wanted.is_name_only:
        return []
    return [
        reference
        for image in images
        for reference in images.references.of(image.id)
        if reference.name == wanted.name and reference.tag
    ]


def plan(images: ImageStore, selection: Selection, *, whole: bool = True) -> list[Member]:
    """The archive's members, in order. ``whole``: names with several platforms are saved as an index."""
    return _Plan(images, selection, whole=whole).members()


class _Plan:
    def __init__(self, images: ImageStore, selection: Selection, *, whole: bool) -> None:
        self._images = images
        self._selection = selection
        self._whole = whole
        self._blobs: dict[str, Member] = {}
        self._manifests: dict[ImageID, spec.Descriptor] = {}

    def members(self) -> list[Member]:
        items: list[saved.Item] = []
        repositories: dict[str, dict[str, str]] = {}
        newest = 0
        for image_id, names in self._selection.items():
            image = self._images.get(image_id)
            newest = max(newest, _created(image))
            manifest = self._add(image)
            items.append(self._item(image, manifest, self._first(image_id, names)))
            if manifest.layers:
                for name in names:
                    tags = repositories.setdefault(name.familiar_name, {})
                    tags.setdefault(name.tag, encoded_of(image.config.diff_ids[-1]))
        index = spec.Index(manifests=self._named())
        members = [Member("blobs/", mtime=newest), Member(_DIRECTORY, mtime=newest)]
        members += [self._blobs[digest] for digest in sorted(self._blobs)]
        members += [
            _text(saved.INDEX, spec.encode(index), 0),
            _text(saved.MANIFEST, msgspec.json.encode(items), 0),
            Member(saved.LAYOUT, saved.LAYOUT_CONTENT),
        ]
        if repositories:
            members.append(Member(saved.REPOSITORIES, json.dumps(repositories, separators=(",", ":"))))
        return members

    def _first(self, image_id: ImageID, names: list[Reference]) -> list[Reference]:
        """Those names that mean this image when no platform is asked for: Docker's list knows no platforms."""
        chosen = [name for name in names if self._platforms(name)[0] == image_id]
        return chosen if self._whole else names

    def _platforms(self, name: Reference) -> list[ImageID]:
        """The images that are saved under a name, the one that it means by itself first."""
        saved_under = [image_id for image_id, names in self._selection.items() if name in names]
        order = {image_id: number for number, image_id in enumerate(self._images.references.members(name))}
        return sorted(saved_under, key=lambda image_id: order.get(image_id, len(order)))

    # -- one image

    def _add(self, image: Image) -> spec.Manifest:
        """Its blobs. Returns its manifest, which `_manifests` has the descriptor of."""
        created = _created(image)
        self._blobs.setdefault(image.id, _text(_path(image.id), self._images.content.read(image.id), created))
        origin = self._complete(image)
        if origin is not None:
            manifest = spec.decode_manifest(self._images.content.read(origin.manifest.digest))
            for blob in (origin.manifest, *manifest.layers):
                self._stored(blob.digest)
            self._manifests[image.id] = origin.manifest
            return manifest
        stack = tuple(reversed(self._images.layers.stack(image.top)))
        for layer in stack:
            self._blobs.setdefault(layer.diff_id, self._layer(layer, created))
        size = len(self._images.content.read(image.id))
        manifest = spec.Manifest(
            config=spec.descriptor_of(spec.CONFIG, Digest(image.id), size),
            layers=[spec.descriptor_of(spec.LAYER, Digest(layer.diff_id), layer.tar_size) for layer in stack],
        )
        self._manifests[image.id] = self._made(spec.MANIFEST, spec.encode(manifest))
        return manifest

    def _complete(self, image: Image) -> Origin | None:
        """The newest origin of which everything is stored."""
        content = self._images.content
        for origin in self._images.origins(image.id):
            needed = [origin.manifest.digest, *(layer.digest for layer in origin.layers)]
            if len(origin.layers) == len(image.config.diff_ids) and all(content.exists(one) for one in needed):
                return origin
        return None

    def _stored(self, digest: str) -> None:
        path = self._images.content.path(digest)
        size = self._images.content.size(digest)
        if size is not None:
            self._blobs.setdefault(digest, Member(_path(digest), size=size, path=str(path)))

    def _made(self, media_type: str, content: bytes) -> spec.Descriptor:
        digest = digest_of(content)
        self._blobs.setdefault(digest, _text(_path(digest), content, 0))
        return spec.descriptor_of(media_type, digest, len(content))

    def _layer(self, layer: Layer, mtime: int) -> Member:
        files = self._images.layers.driver.files(layer.cache_id)
        return Member(
            _path(layer.diff_id),
            mtime=mtime,
            recipe=files.recipe,
            root=files.root,
            aside=files.aside,
            size=layer.tar_size,
            digest=layer.diff_id,
        )

    def _item(self, image: Image, manifest: spec.Manifest, names: list[Reference]) -> saved.Item:
        return saved.Item(
            config=_path(image.id),
            repo_tags=[name.familiar for name in names] or None,
            layers=[_path(layer.digest) for layer in manifest.layers],
            parent=image.parent if image.parent is not None and image.parent in self._images else "",
            layer_sources=dict(zip(image.config.diff_ids, manifest.layers, strict=True)),
        )

    # -- names

    def _named(self) -> list[spec.Descriptor]:
        """The entries of index.json: one for each name, and one for each image without."""
        entries = []
        done: set[Reference] = set()
        for image_id, names in self._selection.items():
            for name in names:
                if name not in done:
                    done.add(name)
                    entries.append(_annotated(self._target(self._platforms(name)), name))
            if not names:
                entries.append(self._target([image_id]))
        return entries

    def _target(self, image_ids: list[ImageID]) -> spec.Descriptor:
        index = self._index(image_ids) if self._whole else None
        if index is not None:
            for blob in self._below(index):
                self._stored(blob.digest)
            return index
        if len(image_ids) == 1:
            return self._manifests[image_ids[0]]
        members = [_placed(self._manifests[one], self._images.get(one)) for one in image_ids]
        return self._made(spec.INDEX, spec.encode(spec.Index(manifests=members)))

    def _index(self, image_ids: list[ImageID]) -> spec.Descriptor | None:
        """The index that all these images came by, if it is stored and they are saved as they are in it."""
        found: spec.Descriptor | None = None
        for image_id in image_ids:
            origin = self._complete(self._images.get(image_id))
            if origin is None or origin.index is None or not self._images.content.exists(origin.index.digest):
                return None
            if found is not None and found.digest != origin.index.digest:
                return None
            found = origin.index
        return found

    def _below(self, index: spec.Descriptor) -> list[spec.Descriptor]:
        """The index, and its attestations with all that is stored of them."""
        content = self._images.content
        attestations = [member for member in references(content, index) if member.attests]
        return [index, *attestations, *(blob for one in attestations for blob in references(content, one))]


def _created(image: Image) -> int:
    return max(0, image.created // _NANO)


def _path(digest: str) -> str:
    return _DIRECTORY + encoded_of(digest)


def _text(name: str, content: bytes, mtime: int) -> Member:
    return Member(name, content.decode(), mtime)


def _placed(manifest: spec.Descriptor, image: Image) -> spec.Descriptor:
    """With the platform that an index says of its members."""
    platform = platform_of(image)
    said = spec.DescriptorPlatform(platform.architecture, platform.os, platform.variant)
    return msgspec.structs.replace(manifest, platform=said)


def _annotated(target: spec.Descriptor, name: Reference) -> spec.Descriptor:
    annotations = {**(target.annotations or {}), saved.NAME_ANNOTATION: str(name), saved.TAG_ANNOTATION: name.tag}
    return msgspec.structs.replace(target, annotations=annotations)
