"""Events about containers, with Docker's attributes: labels, image, name, and what belongs to the action."""

from __future__ import annotations

from corral.engine.container.context import Engine
from corral.engine.container.record import ContainerRecord

__all__ = ["emit"]


def emit(engine: Engine, record: ContainerRecord, action: str, **attributes: str) -> None:
    everything = {**(record.config.labels or {}), "image": record.image_ref, "name": record.name, **attributes}
    engine.emit("container", action, record.id, everything)
