"""Images in a scripted registry, and transfers between it and an image service without a daemon."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from corral.api.types.progress import Progress
from corral.image.distribution.registry import Patience, RegistryConfig
from corral.image.distribution.service import DistributionService
from corral.image.distribution.settings import TransferSettings
from corral.oci.platform import Platform
from support.images import World, config, digest, world
from support.scripted_registry import Say, ScriptedRegistry

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
HASTE = Patience(connect=2, silence=2, backoff=0.01, longest_backoff=0.05)


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, 1, mtime=0)


def descriptor(content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content), **more}


class Served:
    """A registry with one repository, ``app``."""

    def __init__(self, registry: ScriptedRegistry) -> None:
        self.registry = registry

    @property
    def name(self) -> str:
        return f"{self.registry.address}/app"

    def blob(self, content: bytes, *answers: Say) -> str:
        """``answers``: to the GETs of it, in turn, before it comes as it is."""
        path = f"/v2/app/blobs/{digest(content)}"
        self.registry.on("HEAD", path, Say(200, content))
        self.registry.on("GET", path, *answers, Say(200, content))
        return path

    def manifest(self, tag: str, manifest: dict[str, Any]) -> bytes:
        content = json.dumps(manifest).encode()
        headers = {"Content-Type": manifest["mediaType"], "Docker-Content-Digest": digest(content)}
        for name in (tag, digest(content)):
            self.registry.on("*", f"/v2/app/manifests/{name}", Say(200, content, headers))
        return content

    def image(self, tag: str, *layers: bytes, compress: bool = True, **attributes: Any) -> bytes:
        """Its manifest."""
        content = config(*layers, **attributes)
        self.blob(content)
        blobs = [gzipped(layer) if compress else layer for layer in layers]
        for blob in blobs:
            self.blob(blob)
        kind = LAYER + ("+gzip" if compress else "")
        return self.manifest(tag, manifest_of(content, [descriptor(blob, kind) for blob in blobs]))


def manifest_of(content: bytes, layers: list[dict[str, Any]]) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(content, CONFIG), "layers": layers}


class Puller:
    """An image service with transfers."""

    def __init__(self, images: World, service: DistributionService) -> None:
        self.world = images
        self.service = service

    async def pull(self, name: str, tag: str = "latest", platform: Platform | None = None) -> list[str]:
        """The lines that a person sees. Raises what the pull raises."""
        return shown([message async for message in self.service.pull(name, tag, platform, None)])

    async def push(self, name: str, tag: str = "latest", platform: Platform | None = None) -> list[str]:
        return shown([message async for message in self.service.push(name, tag, platform, None)])

    def leftovers(self) -> list[str]:
        """Layers on the disk that no image has, and blobs that are being written."""
        recorded = self.world.service.layers.cache_ids()
        partial = [path.name for path in self.world.data.ingest.iterdir()]
        return sorted(self.world.on_disk() - recorded) + partial


def shown(messages: list[Progress]) -> list[str]:
    lines = []
    for message in messages:
        if isinstance(message.status, str) and not isinstance(message.progress, str):
            lines.append(f"{message.id}: {message.status}" if isinstance(message.id, str) else message.status)
    return lines


@contextlib.asynccontextmanager
async def puller(root: Path, driver: str = "overlay2", attempts: int = 2) -> AsyncIterator[Puller]:
    async with world(root, driver) as images:
        settings = TransferSettings(RegistryConfig(attempts=attempts, patience=HASTE))
        service = DistributionService(
            images.service.images,
            settings,
            lambda action, name, attributes: images.events.append((action, name, attributes)),
            images.service.collector.run,
        )
        try:
            yield Puller(images, service)
        finally:
            await service.close()
