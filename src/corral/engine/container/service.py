"""All verbs of containers in one place, for the routers. No logic of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from corral.api.types.container import (
    AttachOptions,
    Config,
    ContainerCreateRequest,
    ContainerCreateResponse,
    ContainerInspect,
    ContainersPruneReport,
    ContainerSummary,
    LogsOptions,
    TopResponse,
    UpdateRequest,
    UpdateResponse,
    WaitResponse,
)
from corral.api.types.exec import ExecCreateRequest, ExecInspect, ExecStartRequest
from corral.api.types.files import CommitOptions, FilesystemChange, PathStat
from corral.api.types.stats import StatsResponse
from corral.engine.container import exec as execs
from corral.engine.container.archive import copy_in, copy_out, look
from corral.engine.container.attach import attach
from corral.engine.container.changes import changes
from corral.engine.container.commit import commit
from corral.engine.container.context import Engine, Upgrade
from corral.engine.container.create import create
from corral.engine.container.export import export
from corral.engine.container.inspect import inspect
from corral.engine.container.kill import kill
from corral.engine.container.list import list_containers
from corral.engine.container.logs import LogStream, logs
from corral.engine.container.pause import pause, unpause
from corral.engine.container.prune import prune
from corral.engine.container.remove import remove
from corral.engine.container.rename import rename
from corral.engine.container.resize import resize
from corral.engine.container.restart import restart
from corral.engine.container.start import start
from corral.engine.container.stats import stats, stats_once, stats_stream
from corral.engine.container.stop import stop
from corral.engine.container.top import top
from corral.engine.container.update import update
from corral.engine.container.wait import wait

__all__ = ["ContainerService"]


class ContainerService:
    """``ref`` is a name, an id, or the beginning of one. What each verb does and raises is said in its module."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def create(
        self, name: str | None, request: ContainerCreateRequest, platform: str | None
    ) -> ContainerCreateResponse:
        return await create(self._engine, name, request, platform)

    async def start(self, ref: str, detach_keys: str | None = None) -> None:  # noqa: ARG002
        """``detach_keys`` is accepted for old clients: each attachment brings its own."""
        await start(self._engine, ref)

    async def stop(self, ref: str, timeout: int | None, signal: str | None) -> None:
        await stop(self._engine, ref, timeout, signal)

    async def kill(self, ref: str, signal: str) -> None:
        await kill(self._engine, ref, signal)

    async def restart(self, ref: str, timeout: int | None, signal: str | None) -> None:
        await restart(self._engine, ref, timeout, signal)

    async def pause(self, ref: str) -> None:
        await pause(self._engine, ref)

    async def unpause(self, ref: str) -> None:
        await unpause(self._engine, ref)

    async def rename(self, ref: str, name: str) -> None:
        await rename(self._engine, ref, name)

    async def remove(self, ref: str, *, force: bool, volumes: bool, link: bool) -> None:
        await remove(self._engine, ref, force=force, volumes=volumes, link=link)

    async def prune(self, filters: Mapping[str, Sequence[str]]) -> ContainersPruneReport:
        return await prune(self._engine, filters)

    async def commit(self, ref: str, options: CommitOptions, config: Config | None) -> str:
        return await commit(self._engine, ref, options, config)

    async def changes(self, ref: str) -> Sequence[FilesystemChange]:
        return await changes(self._engine, ref)

    def export(self, ref: str) -> AsyncIterator[bytes]:
        return export(self._engine, ref)

    async def look(self, ref: str, path: str) -> PathStat:
        return await look(self._engine, ref, path)

    def copy_out(self, ref: str, path: str) -> AbstractAsyncContextManager[tuple[PathStat, AsyncIterator[bytes]]]:
        return copy_out(self._engine, ref, path)

    async def copy_in(self, ref: str, path: str, source: AsyncIterator[bytes], *, strict: bool, as_user: bool) -> None:
        await copy_in(self._engine, ref, path, source, strict=strict, as_user=as_user)

    async def update(self, ref: str, request: UpdateRequest) -> UpdateResponse:
        return await update(self._engine, ref, request)

    async def wait(self, ref: str, condition: str) -> Awaitable[WaitResponse]:
        return wait(self._engine, ref, condition)

    async def list(
        self, all: bool, limit: int, size: bool, filters: Mapping[str, Sequence[str]]
    ) -> list[ContainerSummary]:
        return await list_containers(self._engine, all=all, limit=limit, size=size, filters=filters)

    async def inspect(self, ref: str, size: bool) -> ContainerInspect:
        return await inspect(self._engine, ref, size)

    async def top(self, ref: str, ps_args: str) -> TopResponse:
        return await top(self._engine, ref, ps_args)

    async def stats(self, ref: str, *, one_shot: bool) -> StatsResponse:
        return await (stats_once(self._engine, ref) if one_shot else stats(self._engine, ref))

    def stats_stream(self, ref: str) -> AsyncIterator[StatsResponse]:
        return stats_stream(self._engine, ref)

    async def resize(self, ref: str, height: int, width: int) -> None:
        await resize(self._engine, ref, height, width)

    async def logs(self, ref: str, options: LogsOptions) -> LogStream:
        return await logs(self._engine, ref, options)

    async def attach(self, ref: str, options: AttachOptions, upgrade: Upgrade) -> None:
        await attach(self._engine, ref, options, upgrade)

    async def exec_create(self, ref: str, request: ExecCreateRequest) -> str:
        return await execs.exec_create(self._engine, ref, request)

    async def exec_start(self, id: str, request: ExecStartRequest, upgrade: Upgrade | None) -> None:
        await execs.exec_start(self._engine, id, request, upgrade)

    async def exec_inspect(self, id: str) -> ExecInspect:
        return await execs.exec_inspect(self._engine, id)

    async def exec_resize(self, id: str, height: int, width: int) -> None:
        await execs.exec_resize(self._engine, id, height, width)
