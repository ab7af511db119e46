"""Volumes and binds of a container, as asked of the volume room."""

from __future__ import annotations

from corral.api.types.mount import MountPoint
from corral.engine.container.context import Engine
from corral.engine.container.record import ContainerRecord
from corral.oci.runtime import Mount

__all__ = ["mount", "release", "resolve", "unmount"]


async def resolve(engine: Engine, record: ContainerRecord) -> tuple[MountPoint, ...]:
    """What the container will have mounted; named volumes are made. Raises Invalid, NotFound, Conflict."""
    return ()


async def mount(engine: Engine, record: ContainerRecord) -> tuple[Mount, ...]:
    """Before each start."""
    return ()


async def unmount(engine: Engine, record: ContainerRecord) -> None:
    """After each run. Idempotent."""


async def release(engine: Engine, record: ContainerRecord, *, anonymous: bool) -> None:
    """When it is removed; ``anonymous``: its volumes without a name go, too."""
