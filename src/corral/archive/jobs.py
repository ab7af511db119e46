"""Archive work in processes of its own: what the daemon calls.

Unpacking keeps a processor busy for seconds, and the interpreter lock would make the daemon's event loop wait for it
even from a thread; a worker process costs 30 ms once and leaves the loop alone. At most one worker per processor
runs; more wait their turn.

::

    applied = await apply(ApplyRequest(root=..., whiteouts=Whiteouts.OVERLAY, recipe=..., aside=...), source)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import corral
import corral.errors as errors
from corral.archive.apply import Whiteouts
from corral.archive.limits import Limits
from corral.errors import CorralError, Internal

_BOOT: Final = (
    "import sys, json; sys.path[:0] = json.loads(sys.argv[1]); "
    "from corral.archive.worker import main; main(json.loads(sys.argv[2]))"
)
_KINDS: Final = {
    cls.kind: cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, CorralError)
}
_PIPE: Final = 1 << 20
_LINE_MAXIMUM: Final = 1 << 20

Progress = Callable[[int], None]
"""Called with the number of archive bytes (compressed) that were taken in so far."""


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    """Unpack a tar below ``root`` (must exist), with all that `corral.archive.apply` says.

    ``recipe`` and ``aside``: where the recipe of the tar goes, and what it replaced; empty: no recipe. ``durable``: on
    return all is on disk.
    """

    root: str
    whiteouts: Whiteouts
    recipe: str = ""
    aside: str = ""
    durable: bool = True
    limits: Limits = field(default_factory=Limits)


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
    arguments = asdict(request) | {"operation": "apply", "whiteouts": request.whiteouts.value}
    result = await _run(arguments, source, progress)
    return Applied(**(result | {"warnings": tuple(result["warnings"])}))


async def _run(request: dict[str, Any], source: AsyncIterator[bytes] | int, progress: Progress | None) -> Any:
    async with _slots():
        process = await _start(request, source if isinstance(source, int) else asyncio.subprocess.PIPE)
        try:
            if isinstance(source, int):
                result, _ = await _messages(process, progress), None
            else:
                result, _ = await asyncio.gather(_messages(process, progress), _feed(process, source))
            await process.wait()
            return result
        finally:
            await _end(process)


async def _start(request: dict[str, Any], stdin: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-SI",
        "-c",
        _BOOT,
        json.dumps(_paths()),
        json.dumps(request),
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_MAXIMUM,
        pipesize=_PIPE,
    )


def _paths() -> Iterable[str]:
    """Where this process finds its modules; the package's own place first, in case an import hook supplied it."""
    return [os.path.dirname(os.path.dirname(corral.__file__)), *(path for path in sys.path if path)]


async def _feed(process: asyncio.subprocess.Process, source: AsyncIterator[bytes]) -> None:
    assert process.stdin is not None
    # The worker hangs up when it has refused the archive; its message says why.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        async for piece in source:
            process.stdin.write(piece)
            await process.stdin.drain()
    process.stdin.close()


async def _messages(process: asyncio.subprocess.Process, progress: Progress | None) -> Any:
    """The worker's result. Raises the error that it reported."""
    assert process.stdout is not None
    async for line in process.stdout:
        message = json.loads(line)
        if "progress" in message:
            if progress is not None:
                progress(message["progress"])
        elif "error" in message:
            raise _KINDS.get(message["error"], Internal)(message["message"])
        else:
            return message["result"]
    raise Internal(f"the archive worker ended without a result ({await process.wait()})")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


_semaphores: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


def _slots() -> asyncio.Semaphore:
    """One per event loop, as asyncio's primitives demand."""
    loop = asyncio.get_running_loop()
    semaphore = _semaphores.get(loop)
    if semaphore is None:
        _semaphores.clear()
        semaphore = _semaphores[loop] = asyncio.Semaphore(max(2, os.cpu_count() or 1))
    return semaphore
