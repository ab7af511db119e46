"""``docker load``: images out of an archive that `docker save`, or another tool, made.

The archive is spooled to disk first, because its index may stand anywhere in it. Layers that are missing are then
unpacked, several at once where the driver can, each verified against the DiffID that the configuration names, and
against the digest of its blob where the archive promises one. What was compressed there is kept as it is, with manifest
and index, so that a push sends what was loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from corral.archive import jobs
from corral.archive.apply import Whiteouts
from corral.archive.compression import MAGIC_LENGTH, Compression, detect
from corral.archive.limits import Limits
from corral.errors import Invalid, NotFound
from corral.image import progress, saved
from corral.image.layer.store import Part
from corral.image.manifests import references
from corral.image.record import Image, Origin
from corral.image.spool import Spool
from corral.image.store import ImageStore
from corral.oci.digest import Digest, ImageID, chain_ids, digest_of, encoded_of, short
from corral.oci.image import DOCKER_LAYER, Descriptor, ImageConfig, decode_config
from corral.oci.platform import Platform, acceptable, normalized, rank
from corral.oci.reference import Reference, parse_reference

_CONFIG_MAXIMUM: Final = 16 << 20
_ATTESTATION_MAXIMUM: Final = 64 << 20
_DIGITS: Final = 12

Log = Callable[[str, Image], None]


class Loading:
    """One load; `run` once. ``quiet`` leaves out the progress of layers; ``keep``: whether compressed layers stay."""

    def __init__(
        self,
        images: ImageStore,
        scratch: Path,
        limits: Limits,
        log: Log,
        *,
        quiet: bool,
        platform: Platform | None,
        keep: bool = True,
    ) -> None:
        self._images = images
        self._scratch = scratch
        self._limits = limits
        self._log = log
        self._quiet = quiet
        self._platform = platform
        self._keep = keep

    async def run(self, source: AsyncIterator[bytes], report: progress.Report) -> None:
        """Raises Invalid for an archive that is damaged or no image archive, Unsupported, Exhausted."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="load-", dir=self._scratch) as directory:
            request = jobs.ApplyRequest(
                root=directory, whiteouts=Whiteouts.KEEP, durable=False, specials=False, limits=self._limits
            )
            await jobs.apply(request, source)
            with contextlib.closing(Spool(Path(directory))) as spool:
                items = saved.read(spool, self._platform)
                loaded = [(item, await self._load(spool, item, report)) for item in items]
                for item, image in loaded:
                    await self._adopt_parent(item, image)

    async def _load(self, spool: Spool, item: saved.SavedImage, report: progress.Report) -> Image:
        content = spool.read(item.config_path, _CONFIG_MAXIMUM)
        if item.config_digest and digest_of(content) != item.config_digest:
            raise Invalid(f"image configuration has digest {digest_of(content)}, expected {item.config_digest}")
        config = decode_config(content)
        self._check(config, len(item.layers))
        names = [parse_reference(name) for name in item.names]
        for name in names:
            if not name.tag:
                raise Invalid(f'invalid tag "{name.familiar}"')
        parts = [
            Part(
                diff_id,
                _opener(spool, layer.path),
                None if self._quiet else _progress(report, diff_id, spool.size(layer.path)),
                layer.digest,
            )
            for diff_id, layer in zip(config.diff_ids, item.layers, strict=True)
        ]
        before = {name: self._images.references.members(name) for name in names}
        known = [self._images.layers.has(chain_id) for chain_id in chain_ids(config.diff_ids)]
        with self._images.content.lease():
            async with self._images.layers.unpacked_stack(parts):
                await self._keep_blobs(spool, config, item.layers, known)
                origin = self._keep_origin(spool, item)
                # With its first name at once: a load that is given up leaves no nameless image.
                image = await self._images.create(content, names[0] if names else None, origin=origin)
        self._log("load", image)
        for name in names[1:]:
            await self._images.create(content, name, origin=origin)
        for name in names:
            gone = [old for old in before[name] if old not in self._images.references.members(name)]
            for line in _told(name, gone):
                report(progress.text(line))
        if not names:
            report(progress.text(f"Loaded image ID: {image.id}"))
        return image

    def _check(self, config: ImageConfig, layers: int) -> None:
        if len(config.diff_ids) != layers:
            raise Invalid(f"invalid manifest, layers length mismatch: expected {len(config.diff_ids)}, got {layers}")
        if config.os not in ("", "linux"):
            raise Invalid(f"cannot load {config.os} image on linux")
        if self._platform is not None:
            actual = normalized(Platform(config.os or "linux", config.architecture, config.variant))
            if rank(acceptable(self._platform), actual) is None:
                raise NotFound(f"image is for {actual}, not for the requested platform {self._platform}")

    async def _keep_blobs(
        self, spool: Spool, config: ImageConfig, layers: Sequence[saved.SavedLayer], known: Sequence[bool]
    ) -> None:
        """Compressed layers go to the content store. Those that were unpacked just now have been verified."""
        for diff_id, layer, was_known in zip(config.diff_ids, layers, known, strict=True):
            compression = _compression(spool, layer.path)
            if compression is Compression.NONE or not layer.digest:
                continue
            blob = Descriptor(
                media_type=layer.media_type or f"{DOCKER_LAYER}.{compression.value}",
                digest=layer.digest,
                size=spool.size(layer.path),
            )
            if self._keep and not self._images.content.exists(layer.digest):
                with spool.open(layer.path) as fd:
                    adopt = self._images.content.adopt
                    await asyncio.to_thread(adopt, fd, Digest(layer.digest), verify=was_known)
            await self._images.layers.blobs.remember(diff_id, blob)

    def _keep_origin(self, spool: Spool, item: saved.SavedImage) -> Origin | None:
        """Manifest and index, with the attestations, if it is worth remembering what the image looked like: a push
        of uncompressed layers would not be.
        """
        origin, content = item.origin, self._images.content
        if origin is None:
            return None
        if origin.index is None and all(_compression(spool, layer.path) is Compression.NONE for layer in item.layers):
            return None
        content.write(spool.blob(origin.manifest.digest, saved.JSON_MAXIMUM))
        if origin.index is not None:
            content.write(spool.blob(origin.index.digest, saved.JSON_MAXIMUM))
            for attestation in saved.attestations(spool, origin.index):
                content.write(spool.blob(attestation.digest, saved.JSON_MAXIMUM))
                for blob in references(content, attestation):
                    if spool.exists(saved.blob_path(blob.digest)):
                        content.write(spool.blob(blob.digest, _ATTESTATION_MAXIMUM))
        return origin

    async def _adopt_parent(self, item: saved.SavedImage, image: Image) -> None:
        """A parent that the archive names counts only if it is here and its layers lie below."""
        parent_id = ImageID(item.parent)
        if not item.parent or parent_id not in self._images or parent_id == image.id:
            return
        below = self._images.get(parent_id).config.diff_ids
        if image.config.diff_ids[: len(below)] != below:
            raise Invalid(f"layer chain of image {short(image.id)} does not begin with that of its parent")
        await self._images.set_parent(image.id, parent_id)


def _compression(spool: Spool, path: str) -> Compression:
    with spool.open(path) as fd:
        return detect(os.pread(fd, MAGIC_LENGTH, 0))


def _told(name: Reference, before: list[ImageID]) -> Iterator[str]:
    for old in before:
        yield (f"The image {name.familiar} already exists, renaming the old one with ID {old} to empty string")
    yield f"Loaded image: {name.familiar}"


def _opener(spool: Spool, path: str) -> Callable[[], contextlib.AbstractAsyncContextManager[int]]:
    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[int]:
        with spool.open(path) as fd:
            yield fd

    return opened


def _progress(report: progress.Report, diff_id: str, total: int) -> jobs.Progress:
    name = encoded_of(diff_id)[:_DIGITS]
    return lambda current: report(progress.step(name, "Loading layer", min(current, total), total))
