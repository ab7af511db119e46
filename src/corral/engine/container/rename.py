"""rename."""

from __future__ import annotations

from corral.engine.container import names, news
from corral.engine.container.context import Engine
from corral.engine.container.lookup import locked
from corral.errors import Invalid

__all__ = ["rename"]


async def rename(engine: Engine, ref: str, name: str) -> None:
    """Raises NotFound, Invalid, Conflict when the name is taken."""
    if not name:
        raise Invalid("Neither old nor new names may be empty")
    async with locked(engine, ref) as record:
        new = names.check(name)
        if new == record.name:
            raise Invalid("Renaming a container with the same name as its current name")
        old = record.name
        record = await engine.store.redefine(record.id, name=new)
    news.emit(engine, record, "rename", oldName=f"/{old}")
