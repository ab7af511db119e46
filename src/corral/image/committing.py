"""``docker commit``: an image of a container's changes on top of the image that it was made from."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from corral.archive import jobs
from corral.archive.limits import Limits
from corral.archive.owners import Owners
from corral.errors import Conflict
from corral.image import when
from corral.image.graphdriver.driver import Staging
from corral.image.layer.rw import RWLayers
from corral.image.record import Image
from corral.image.store import ImageStore
from corral.oci.digest import DiffID, ImageID
from corral.oci.image import ContainerConfig, History, ImageConfig, RootFS, encode
from corral.oci.platform import host_platform
from corral.oci.reference import Reference

_EMPTY: Final = DiffID("sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef")
"""Of a tar without members: an image with no changes has no layer of its own."""


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """``parent``: the image that the container was made from; ``created_by``: the step's command in the history.

    ``owners``: those whom the container's files belong to, when the disk says somebody else.
    """

    container_id: str
    parent: ImageID
    config: ContainerConfig
    author: str = ""
    comment: str = ""
    created_by: str = ""
    reference: Reference | None = None
    owners: Owners | None = None


async def commit_image(images: ImageStore, rw: RWLayers, limits: Limits, request: CommitRequest) -> Image:
    """Raises NotFound when the parent is gone, Conflict when the container went away meanwhile, Exhausted."""
    parent = images.get(request.parent)
    tops = [] if parent.top is None else [parent.top]

    async def fill(staging: Staging) -> jobs.Applied:
        source = rw.diff(request.container_id)
        target = jobs.ApplyRequest(
            root=staging.root,
            whiteouts=staging.whiteouts,
            recipe=staging.recipe,
            aside=staging.aside,
            limits=limits,
        )
        applied = await jobs.capture(
            jobs.Changes(source.root, source.base, source.root_changed, request.owners), target
        )
        if request.container_id not in rw:  # its files may have been missing already
            raise Conflict(f"container {request.container_id} was removed while it was being committed")
        return applied

    async with images.layers.hold(tops), images.layers.filled(parent.top, fill) as layer:
        config = _config(parent.config, layer.diff_id, request)
        return await images.create(encode(config), request.reference, parent.id)


def _config(base: ImageConfig, diff_id: DiffID, request: CommitRequest) -> ImageConfig:
    now = when.render(time.time_ns())
    empty = diff_id == _EMPTY
    step = History(
        created=now,
        created_by=request.created_by,
        author=request.author,
        comment=request.comment,
        empty_layer=empty,
    )
    platform = host_platform()
    return ImageConfig(
        architecture=base.architecture or platform.architecture,
        os=base.os or platform.os,
        variant=base.variant,
        os_version=base.os_version,
        created=now,
        author=request.author,
        config=request.config,
        rootfs=RootFS(diff_ids=[*base.diff_ids, *([] if empty else [diff_id])]),
        history=[*(base.history or ()), step],
    )
