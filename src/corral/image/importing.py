"""``docker import``: an image of one layer from a tar of a root file system."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from corral.errors import Invalid
from corral.image import changes, when
from corral.image.record import Image
from corral.image.store import ImageStore
from corral.oci.image import ContainerConfig, History, ImageConfig, RootFS, encode
from corral.oci.platform import host_platform, parse_platform
from corral.oci.reference import Reference, parse_reference


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """``repo`` and ``tag`` may be empty; ``changes`` are Dockerfile instructions; ``platform`` empty: the host's."""

    repo: str = ""
    tag: str = ""
    changes: tuple[str, ...] = ()
    message: str = ""
    platform: str = ""
    config: ContainerConfig | None = None
    created_by: str = ""


async def import_image(
    images: ImageStore,
    request: ImportRequest,
    source: AsyncIterator[bytes] | int,
    confirm: Callable[[], Awaitable[None]] | None = None,
) -> tuple[Image, Reference | None]:
    """The image, and its name if it got one. ``confirm`` may still refuse once the source has ended.

    Raises Invalid, before the source is read where that can be, Exhausted.
    """
    reference = target(request.repo, request.tag)
    platform = parse_platform(request.platform) if request.platform else host_platform()
    if platform.os != "linux":
        raise Invalid("operating system is not supported")
    runtime = changes.apply(request.config or ContainerConfig(), request.changes)
    async with images.layers.unpacked(source) as layer:
        if confirm is not None:
            await confirm()
        now = when.render(time.time_ns())
        config = ImageConfig(
            architecture=platform.architecture,
            os=platform.os,
            variant=platform.variant,
            created=now,
            comment=request.message,
            config=runtime,
            rootfs=RootFS(diff_ids=[layer.diff_id]),
            history=[History(created=now, created_by=request.created_by, comment=request.message)],
        )
        return await images.create(encode(config), reference), reference


def target(repo: str, tag: str) -> Reference | None:
    """The name that ``repo`` and ``tag`` parameters mean. Raises Invalid."""
    if not repo:
        return None
    reference = parse_reference(repo)
    if tag:
        reference = reference.without_tag().with_tag(tag)
    return reference.tagged()
