"""cp: looking at a container's files, copying them out, copying files in. See `corral.engine.files`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from corral.api.types.files import PathStat
from corral.engine.container import news
from corral.engine.container.context import Engine
from corral.engine.files import jobs
from corral.engine.files.prepare import view_of
from corral.errors import NotFound
from corral.image import when

__all__ = ["copy_in", "copy_out", "look"]


async def look(engine: Engine, ref: str, path: str) -> PathStat:
    """What is at ``path``, a link not followed. Raises NotFound, Internal."""
    async with view_of(engine, ref) as (_, view):
        with _named(ref, path):
            return _shown(await jobs.see(view, path))


@asynccontextmanager
async def copy_out(engine: Engine, ref: str, path: str) -> AsyncIterator[tuple[PathStat, AsyncIterator[bytes]]]:
    """What is at ``path``, and the tar of it, for the time of the context. Raises NotFound, Internal."""
    async with view_of(engine, ref) as (record, view):
        with _named(ref, path):
            async with jobs.get(view, path) as (told, pieces):
                news.emit(engine, record, "archive-path")
                yield _shown(told), pieces


async def copy_in(
    engine: Engine, ref: str, path: str, source: AsyncIterator[bytes], *, strict: bool, as_user: bool
) -> None:
    """Unpacks an archive into the directory ``path``.

    ``strict``: nothing replaces a directory but a directory, nor the other way round; ``as_user``: all becomes that of
    the container's user. Raises NotFound, Invalid, Exhausted, Internal.
    """
    async with view_of(engine, ref) as (record, view):
        request = jobs.Put(
            path,
            strict=strict,
            user=record.config.user if as_user else "",
            mounted=tuple((mount.destination, not mount.read_only) for mount in record.mounts),
            read_only_root=record.host_config.readonly_rootfs,
        )
        with _named(ref, path):
            await jobs.put(view, request, source)
    news.emit(engine, record, "extract-to-dir")


@contextmanager
def _named(ref: str, path: str) -> Iterator[None]:
    """What a worker cannot find is called as the user called it."""
    try:
        yield
    except NotFound as error:
        if error.message:
            raise
        raise NotFound(f"Could not find the file {path} in container {ref}") from None


def _shown(told: jobs.PathStat) -> PathStat:
    return PathStat(
        name=told.name, size=told.size, mode=told.mode, mtime=when.render(told.mtime), link_target=told.target
    )
