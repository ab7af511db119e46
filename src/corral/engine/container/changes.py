"""diff: what a container has changed in its root file system."""

from __future__ import annotations

from corral.api.types.files import FilesystemChange
from corral.engine.container.context import Engine

__all__ = ["changes"]


async def changes(engine: Engine, ref: str) -> list[FilesystemChange]:
    """Sorted by path. Raises NotFound, Internal when it cannot be read."""
    record = engine.store.find(ref)
    found = await engine.images.changes(record.id)
    return [FilesystemChange(path=path, kind=kind) for kind, path in found]
