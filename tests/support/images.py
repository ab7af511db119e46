"""An image service on a directory of its own, without a daemon."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from corral.image.graphdriver.choose import choose
from corral.image.record import ImageUse
from corral.image.service import ImageService
from corral.store.database import Database
from corral.store.layout import DataRoot
from support.tars import file, tar

BASE = tar(file("etc/issue", b"base\n"), file("bin/sh", b"#!"))
LABELED = tar(file("etc/issue", b"labeled\n"))


@dataclass
class World:
    """A service and what it said: ``events`` are (action, id, attributes). ``uses``: what it is told of containers."""

    service: ImageService
    data: DataRoot
    events: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    uses: dict[str, list[ImageUse]] = field(default_factory=dict)

    def actions(self) -> list[str]:
        return [action for action, _, _ in self.events]

    def names(self) -> list[str]:
        return sorted(name for image in self.service.list({}, True) for name in image.repo_tags or ())

    def on_disk(self) -> set[str]:
        """What the driver's directory holds besides what is always there."""
        return self.service.layers.driver.ids()


@contextlib.asynccontextmanager
async def world(root: Path, driver: str = "overlay2") -> AsyncIterator[World]:
    """Opens the service at ``root``, new or as it was left."""
    root.mkdir(exist_ok=True)
    data = DataRoot(root)
    database = Database(data.database)
    events: list[tuple[str, str, dict[str, str]]] = []
    uses: dict[str, list[ImageUse]] = {}
    service = ImageService(
        data,
        database,
        choose(data, driver),
        lambda action, image_id, attributes: events.append((action, image_id, attributes)),
        lambda image_id: uses.get(image_id, []),
    )
    try:
        await service.start()
        yield World(service, data, events, uses)
    finally:
        service.close()
        database.close()


async def pieces(content: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def config(*layers: bytes, **attributes: object) -> bytes:
    """An image configuration."""
    rootfs = {"type": "layers", "diff_ids": [digest(layer) for layer in layers]}
    return json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs, **attributes}).encode()


def archive(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            packed.addfile(info)
    return buffer.getvalue()


def saved(
    *layers: bytes, tags: list[str] | None = None, blobs: list[bytes] | None = None, **attributes: object
) -> bytes:
    """A legacy `docker save` archive of one image; ``blobs`` stand for the layers when they are compressed."""
    content = config(*layers, **attributes)
    name = hashlib.sha256(content).hexdigest() + ".json"
    paths = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": name, "RepoTags": tags, "Layers": paths}]
    members = {name: content, **dict(zip(paths, blobs or layers, strict=True))}
    return archive(members | {"manifest.json": json.dumps(manifest).encode()})


async def load(world: World, content: bytes) -> list[str]:
    """Loads an archive; the lines that a person sees."""
    return [message.stream.rstrip() async for message in world.service.load(pieces(content)) if message.stream]


async def save(world: World, *refs: str) -> bytes:
    return b"".join([piece async for piece in world.service.save(list(refs))])
