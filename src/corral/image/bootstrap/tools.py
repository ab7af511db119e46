"""Running the programs that make images: found or named, heard line by line, never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from corral.errors import Unavailable

_GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Tool:
    """A program and the Debian package that has it."""

    program: str
    package: str

    def find(self) -> str:
        """Raises Unavailable with the command that installs it."""
        path = shutil.which(self.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path is None:
            raise Unavailable(f"{self.program} is not installed; install it with: apt-get install {self.package}")
        return path


@contextlib.asynccontextmanager
async def running(
    arguments: Sequence[str],
    *,
    stdout: int = asyncio.subprocess.DEVNULL,
    heard: Callable[[str], None],
    environment: Mapping[str, str] | None = None,
    directory: str | None = None,
) -> AsyncIterator[asyncio.Task[int]]:
    """Runs a program; the task is its exit status, after ``heard`` got every line of its standard error.

    When the context ends, however it does, so has the program.
    """
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **(environment or {})},
        cwd=directory,
        start_new_session=True,
    )

    async def listen() -> int:
        assert process.stderr is not None
        async for line in process.stderr:
            heard(line.decode(errors="replace").rstrip())
        return await process.wait()

    task = asyncio.create_task(listen())
    try:
        yield task
    finally:
        if process.returncode is None:
            _signal(process.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
        if process.returncode is None:
            _signal(process.pid, signal.SIGKILL)
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _signal(leader: int, number: int) -> None:
    """To the program and all it started: they are a session of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)
