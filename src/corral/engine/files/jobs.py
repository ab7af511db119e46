"""What the daemon asks of a worker: see, copy out, copy in, export."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from corral.archive.limits import DEFAULT, Limits
from corral.archive.process import NOTHING, PIPE, WorkerProcess
from corral.engine.files.description import View

_MODULE: Final = "corral.engine.files.worker"


@dataclass(frozen=True, slots=True)
class PathStat:
    """``mode`` as Go has it; ``mtime`` in nanoseconds; ``target``: where a symbolic link leads to."""

    name: str
    size: int
    mode: int
    mtime: int
    target: str


@dataclass(frozen=True, slots=True)
class Put:
    """How an archive is to be copied to the directory ``path``.

    ``strict``: nothing replaces a directory but a directory, nor the other way round. ``user``: whose all is to be, as
    a container's configuration names them; "" leaves it to the archive.
    ``mounted``: where the container has something mounted, and whether it may be written.
    """

    path: str
    strict: bool = False
    user: str = ""
    mounted: tuple[tuple[str, bool], ...] = ()
    read_only_root: bool = False
    limits: Limits = DEFAULT

    def to_json(self) -> dict[str, Any]:
        return {
            "operation": "put",
            "path": self.path,
            "strict": self.strict,
            "user": self.user,
            "mounted": self.mounted,
            "read_only_root": self.read_only_root,
            "limits": self.limits._asdict(),
        }


def _worker(view: View, request: dict[str, Any], stdin: int, stdout: int) -> WorkerProcess:
    return WorkerProcess({"view": view.to_json()} | request, stdin, stdout, module=_MODULE, fds=view.fds)


async def see(view: View, path: str) -> PathStat:
    """Raises NotFound(""), Internal in Docker's words."""
    async with _worker(view, {"operation": "stat", "path": path}, NOTHING, NOTHING) as worker:
        return PathStat(**await worker.result(None))


@asynccontextmanager
async def get(view: View, path: str) -> AsyncIterator[tuple[PathStat, AsyncIterator[bytes]]]:
    """What is at ``path``, and the tar of it, to be read inside of the context. Raises as `see`."""
    async with _worker(view, {"operation": "get", "path": path}, NOTHING, PIPE) as worker:
        told = PathStat(**(await worker.message())["stat"])
        yield told, _all(worker)


@asynccontextmanager
async def export(view: View) -> AsyncIterator[AsyncIterator[bytes]]:
    """The tar of the whole root, to be read inside of the context. Raises Internal."""
    async with _worker(view, {"operation": "export"}, NOTHING, PIPE) as worker:
        yield _all(worker)


async def _all(worker: WorkerProcess) -> AsyncIterator[bytes]:
    async for piece in worker.output():
        yield piece
    await worker.result(None)


async def put(view: View, request: Put, source: AsyncIterator[bytes]) -> None:
    """Raises NotFound(""), Invalid, Exhausted, Internal; and what the source raises."""
    async with _worker(view, request.to_json(), PIPE, NOTHING) as worker:
        await worker.fed(source, None)
