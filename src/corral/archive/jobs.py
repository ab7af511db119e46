"""Archive work in processes of its own: what the daemon calls.

Unpacking keeps a processor busy for seconds, and the interpreter lock would make the daemon's event loop wait for it
even from a thread; a worker process leaves the loop alone, and costs 2 ms, since it is forked by a ``nursery``. How
many run at once is the caller's business: most of them wait for somebody's network and not for a processor.

::

    applied = await apply(ApplyRequest(root=..., whiteouts=Whiteouts.OVERLAY, recipe=..., aside=...), source)
    async for piece in pack(members): ...
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from corral.archive.apply import Whiteouts
from corral.archive.limits import DEFAULT, Limits
from corral.archive.owners import Owners
from corral.archive.pack import Member
from corral.archive.process import NOTHING, PIPE, WorkerProcess

Progress = Callable[[int], None]
"""Called with the number of archive bytes (compressed) that were taken in so far."""


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    """Unpack a tar below ``root`` (must exist), with all that `corral.archive.apply` says.

    ``recipe`` and ``aside``: where the recipe of the tar goes, and what it replaced; empty: no recipe. ``durable``: on
    return all is on disk. ``specials``: whether device nodes and fifos are taken; refused otherwise.
    """

    root: str
    whiteouts: Whiteouts
    recipe: str = ""
    aside: str = ""
    durable: bool = True
    specials: bool = True
    limits: Limits = DEFAULT


@dataclass(frozen=True, slots=True)
class Applied:
    """``digest`` of the plain tar (the DiffID) and of what came in; lengths of both.

    ``size``: sum of the files' and links'; ``root_given``: the tar had a member for the root directory.
    """

    digest: str
    tar_size: int
    compressed_digest: str
    compressed_size: int
    compression: str
    size: int
    entries: int
    root_given: bool
    warnings: tuple[str, ...] = ()


async def apply(request: ApplyRequest, source: AsyncIterator[bytes] | int, progress: Progress | None = None) -> Applied:
    """Unpacks ``source``: pieces of the archive, or a descriptor to read it from (stays the caller's).

    Raises Invalid, Exhausted, Unsupported as `corral.archive.apply`, Internal when the worker failed.
    """
    arguments = _arguments(request) | {"operation": "apply"}
    stdin = source if isinstance(source, int) else PIPE
    async with WorkerProcess(arguments, stdin, NOTHING) as worker:
        if isinstance(source, int):
            result = await worker.result(progress)
        else:
            result = await worker.fed(source, progress)
    return _applied(result)


def _arguments(request: ApplyRequest) -> dict[str, Any]:
    return asdict(request) | {"whiteouts": request.whiteouts.value, "limits": request.limits._asdict()}


def _applied(result: dict[str, Any]) -> Applied:
    return Applied(**(result | {"warnings": tuple(result["warnings"])}))


@dataclass(frozen=True, slots=True)
class Changes:
    """What `corral.archive.diff` reads: ``changed`` against ``base``, or by itself with overlayfs's marks.

    ``owners``: of the files, when those on the disk are others.
    """

    changed: str
    base: str | None = None
    root_changed: bool = True
    owners: Owners | None = None

    def to_json(self) -> dict[str, Any]:
        owners = None if self.owners is None else (list(self.owners.uids), list(self.owners.gids))
        return {"changed": self.changed, "base": self.base, "root_changed": self.root_changed, "owners": owners}


async def capture(changes: Changes, request: ApplyRequest) -> Applied:
    """As if the tar of the changes were unpacked, which is made in between only. Raises as `apply`."""
    arguments = _arguments(request) | changes.to_json() | {"operation": "capture"}
    async with WorkerProcess(arguments, NOTHING, NOTHING) as worker:
        return _applied(await worker.result(None))


async def changes(root: str, below: Sequence[str], *, whole: bool) -> list[tuple[int, str]]:
    """Kind and path of what `corral.archive.changes` finds. Raises Internal when it cannot be read."""
    request = {"operation": "changes", "root": root, "below": list(below), "whole": whole}
    async with WorkerProcess(request, NOTHING, PIPE) as worker:
        text = b"".join([piece async for piece in worker.output()])
        await worker.result(None)
    return [(kind, path) for kind, path in json.loads(text)]


async def diff(changes: Changes) -> AsyncIterator[bytes]:
    """The tar of a layer's changes. Raises Internal when they cannot be read."""
    request = changes.to_json() | {"operation": "diff"}
    async with WorkerProcess(request, NOTHING, PIPE) as worker:
        async for piece in worker.output():
            yield piece
        await worker.result(None)


@dataclass(frozen=True, slots=True)
class Compressed:
    digest: str
    size: int


async def compress(
    recipe: str, root: str, aside: str, digest: str, target: int, progress: Progress | None = None
) -> Compressed:
    """Writes the gzip of a layer's tar (`corral.archive.recipe`), whose digest is ``digest``, to a descriptor.

    The same tar gives the same bytes. ``progress`` counts bytes of the tar. Raises Internal when the layer was changed
    on disk, or the target cannot be written.
    """
    request = {"operation": "compress", "recipe": recipe, "root": root, "aside": aside, "digest": digest}
    async with WorkerProcess(request, NOTHING, target) as worker:
        return Compressed(**await worker.result(progress))


async def pack(plan: Sequence[Member]) -> AsyncIterator[bytes]:
    """The archive that `corral.archive.pack` makes of a plan. Raises Internal when a layer was changed on disk."""
    async with WorkerProcess({"operation": "pack"}, PIPE, PIPE) as worker:
        await worker.send(json.dumps([member._asdict() for member in plan]).encode())
        async for piece in worker.output():
            yield piece
        await worker.result(None)
