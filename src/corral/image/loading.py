"""``docker load``: images out of an archive that `docker save`, or another tool, made.

The archive is spooled to disk first, because its index may stand anywhere in it. Layers that are missing are then
unpacked, several at once where the driver can, each verified against the DiffID that the configuration names, and
against the digest of its blob where the archive promises one.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final

from corral.archive import jobs
from corral.archive.apply import Whiteouts
from corral.archive.limits import Limits
from corral.errors import Invalid
from corral.image import progress, saved
from corral.image.layer.store import Part
from corral.image.record import Image
from corral.image.spool import Spool
from corral.image.store import ImageStore
from corral.oci.digest import ImageID, digest_of, encoded_of, short
from corral.oci.image import ImageConfig, decode_config
from corral.oci.platform import parse_platform
from corral.oci.reference import Reference, parse_reference

_CONFIG_MAXIMUM: Final = 16 << 20
_DIGITS: Final = 12

Log = Callable[[str, Image], None]


class Loading:
    """One load; `run` once. ``quiet`` leaves out the progress of layers."""

    def __init__(
        self, images: ImageStore, scratch: Path, limits: Limits, log: Log, *, quiet: bool, platform: str
    ) -> None:
        self._images = images
        self._scratch = scratch
        self._limits = limits
        self._log = log
        self._quiet = quiet
        self._platform = parse_platform(platform) if platform else None

    async def run(self, source: AsyncIterator[bytes], report: progress.Report) -> None:
        """Raises Invalid for an archive that is damaged or no image archive, Unsupported, Exhausted."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="load-", dir=self._scratch) as directory:
            request = jobs.ApplyRequest(
                root=directory, whiteouts=Whiteouts.KEEP, durable=False, specials=False, limits=self._limits
            )
            await jobs.apply(request, source)
            with contextlib.closing(Spool(Path(directory))) as spool:
                loaded = [(item, await self._load(spool, item, report)) for item in saved.read(spool)]
                for item, image in loaded:
                    await self._adopt_parent(item, image)

    async def _load(self, spool: Spool, item: saved.SavedImage, report: progress.Report) -> Image:
        content = spool.read(item.config_path, _CONFIG_MAXIMUM)
        if item.config_digest and digest_of(content) != item.config_digest:
            raise Invalid(f"image configuration has digest {digest_of(content)}, expected {item.config_digest}")
        config = decode_config(content)
        self._check(config, len(item.layers))
        references = [parse_reference(name) for name in item.names]
        for reference in references:
            if not reference.tag:
                raise Invalid(f'invalid tag "{reference.familiar}"')
        parts = [
            Part(
                diff_id,
                _opener(spool, layer.path),
                None if self._quiet else _progress(report, diff_id, spool.size(layer.path)),
                layer.digest,
            )
            for diff_id, layer in zip(config.diff_ids, item.layers, strict=True)
        ]
        before = {reference: self._images.references.get(reference) for reference in references}
        async with self._images.layers.unpacked_stack(parts):
            # With its first name at once: a load that is given up leaves no nameless image.
            image = await self._images.create(content, references[0] if references else None)
        self._log("load", image)
        for reference in references:
            await self._images.tag(image.id, reference)
            for line in _told(reference, before[reference], image.id):
                report(progress.text(line))
        if not references:
            report(progress.text(f"Loaded image ID: {image.id}"))
        return image

    def _check(self, config: ImageConfig, layers: int) -> None:
        if len(config.diff_ids) != layers:
            raise Invalid(f"invalid manifest, layers length mismatch: expected {len(config.diff_ids)}, got {layers}")
        if config.os not in ("", "linux"):
            raise Invalid(f"cannot load {config.os} image on linux")
        wanted = self._platform
        if wanted is not None and (config.os, config.architecture) != (wanted.os, wanted.architecture):
            raise Invalid(f"image is for {config.os}/{config.architecture}, not for the requested platform {wanted}")

    async def _adopt_parent(self, item: saved.SavedImage, image: Image) -> None:
        """A parent that the archive names counts only if it is here and its layers lie below."""
        parent_id = ImageID(item.parent)
        if not item.parent or parent_id not in self._images or parent_id == image.id:
            return
        below = self._images.get(parent_id).config.diff_ids
        if image.config.diff_ids[: len(below)] != below:
            raise Invalid(f"layer chain of image {short(image.id)} does not begin with that of its parent")
        await self._images.set_parent(image.id, parent_id)


def _told(reference: Reference, before: ImageID | None, now: ImageID) -> Iterator[str]:
    if before is not None and before != now:
        yield (f"The image {reference.familiar} already exists, renaming the old one with ID {before} to empty string")
    yield f"Loaded image: {reference.familiar}"


def _opener(spool: Spool, path: str) -> Callable[[], contextlib.AbstractAsyncContextManager[int]]:
    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[int]:
        with spool.open(path) as fd:
            yield fd

    return opened


def _progress(report: progress.Report, diff_id: str, total: int) -> jobs.Progress:
    name = encoded_of(diff_id)[:_DIGITS]
    return lambda current: report(progress.step(name, "Loading layer", min(current, total), total))
