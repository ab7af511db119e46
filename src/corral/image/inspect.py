"""``docker image inspect`` and ``docker history``: one image in full."""

from __future__ import annotations

from corral.api.types.common import GraphDriverData, HealthConfig
from corral.api.types.image import (
    ImageConfig,
    ImageHistoryItem,
    ImageInspect,
    ImageMetadata,
    ImageRootFS,
)
from corral.api.types.wire import UNSET
from corral.image import platforms, when
from corral.image.record import Image
from corral.image.store import ImageStore
from corral.oci.image import ContainerConfig, Healthcheck

_MISSING = "<missing>"


def inspect(images: ImageStore, image: Image) -> ImageInspect:
    references = images.references.of(image.id)
    config = image.config
    return ImageInspect(
        id=image.id,
        repo_tags=[reference.familiar for reference in references if reference.tag],
        repo_digests=[reference.familiar for reference in references if reference.digest],
        parent=image.parent or "",
        comment=_comment(image),
        created=when.render(image.created) if image.created else UNSET,
        docker_version=config.docker_version,
        author=config.author,
        config=container_config(config.runtime),
        architecture=config.architecture,
        variant=config.variant or UNSET,
        os=config.os,
        os_version=config.os_version or UNSET,
        size=image.size,
        graph_driver=_graph_driver(images, image),
        root_fs=ImageRootFS(layers=list(config.diff_ids) or UNSET),
        metadata=ImageMetadata(last_tag_time=when.render(image.tagged_at)),
        descriptor=platforms.target(images, image) or UNSET,
    )


def _comment(image: Image) -> str:
    """The image's own, else that of its last step."""
    history = image.config.history
    return image.config.comment or (history[-1].comment if history else "")


def _graph_driver(images: ImageStore, image: Image) -> GraphDriverData:
    driver = images.layers.driver
    if image.top is None:
        return GraphDriverData(data=None, name=driver.name)
    layer = images.layers.get(image.top)
    return GraphDriverData(data=driver.metadata(layer.cache_id, images.layers.cache_id(layer.parent)), name=driver.name)


def container_config(config: ContainerConfig) -> ImageConfig:
    """A configuration as the API shows it."""
    return ImageConfig(
        user=config.user,
        exposed_ports=UNSET if config.exposed_ports is None else config.exposed_ports,
        env=config.env,
        entrypoint=config.entrypoint,
        cmd=config.cmd,
        volumes=config.volumes,
        working_dir=config.working_dir,
        labels=config.labels,
        stop_signal=config.stop_signal or UNSET,
        args_escaped=config.args_escaped or UNSET,
        healthcheck=UNSET if config.healthcheck is None else health(config.healthcheck),
        on_build=config.on_build,
        shell=UNSET if config.shell is None else config.shell,
    )


def health(check: Healthcheck) -> HealthConfig:
    return HealthConfig(
        test=UNSET if check.test is None else check.test,
        interval=check.interval or UNSET,
        timeout=check.timeout or UNSET,
        start_period=check.start_period or UNSET,
        start_interval=check.start_interval or UNSET,
        retries=check.retries or UNSET,
    )


def history(images: ImageStore, image: Image) -> list[ImageHistoryItem]:
    """Newest first; steps that are images of their own (parents) have their id and tags."""
    sizes = iter([layer.size for layer in reversed(images.layers.stack(image.top))])
    items = [
        ImageHistoryItem(
            comment=step.comment,
            created=when.parse(step.created) // 1_000_000_000,
            created_by=step.created_by,
            id=_MISSING,
            size=0 if step.empty_layer else next(sizes, 0),
        )
        for step in image.config.history or ()
    ]
    items.reverse()
    current: Image | None = image
    for item in items:
        if current is None:
            break
        item.id = current.id
        item.tags = [reference.familiar for reference in images.references.of(current.id) if reference.tag] or None
        parent = current.parent
        current = images.get(parent) if parent is not None and parent in images else None
    return items
