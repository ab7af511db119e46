"""One worker process, from the daemon's side: started, fed, listened to, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from types import TracebackType
from typing import Any, Final, Self

import corral
from corral import errors
from corral.errors import CorralError, Internal

_BOOT: Final = (
    "import sys, os, json; sys.path[:0] = json.loads(sys.argv[1]); fd = int(sys.argv[3])\n"
    "if fd != 3: os.dup2(fd, 3); os.close(fd)\n"
    "from corral.archive.worker import main; main(json.loads(sys.argv[2]))"
)
_KINDS: Final = {
    cls.kind: cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, CorralError)
}
_PIPE: Final = 1 << 20
_CHUNK: Final = 1 << 18
_LINE_MAXIMUM: Final = 1 << 20


class WorkerProcess:
    """A context manager: the process is gone when the context ends, whatever happened inside."""

    def __init__(self, request: dict[str, Any], stdin: int, stdout: int) -> None:
        self._request = request
        self._stdin = stdin
        self._stdout = stdout
        self._process: asyncio.subprocess.Process
        self._messages: asyncio.StreamReader
        self._transport: asyncio.ReadTransport

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def _start(self) -> None:
        receiving, sending = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-SI",
                "-c",
                _BOOT,
                json.dumps(list(_paths())),
                json.dumps(self._request),
                str(sending),
                stdin=self._stdin,
                stdout=self._stdout,
                pass_fds=(sending,),
                limit=_LINE_MAXIMUM,
                pipesize=_PIPE,
            )
        except BaseException:
            os.close(receiving)
            raise
        finally:
            os.close(sending)
        self._messages = asyncio.StreamReader(_LINE_MAXIMUM)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._messages),
            open(receiving, "rb", buffering=0),  # noqa: SIM115
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        if error is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()

    async def send(self, data: bytes) -> None:
        """All of the worker's input."""
        await self.feed(_once(data))

    async def feed(self, source: AsyncIterator[bytes]) -> None:
        """Raises what the source raises."""
        assert self._process.stdin is not None
        stdin = self._process.stdin
        async for piece in source:
            stdin.write(piece)
            try:
                await stdin.drain()
            except (BrokenPipeError, ConnectionResetError):
                return  # the worker has refused its input and hung up; its message says why
        stdin.close()

    async def output(self) -> AsyncIterator[bytes]:
        assert self._process.stdout is not None
        while piece := await self._process.stdout.read(_CHUNK):
            yield piece

    async def result(self, progress: Callable[[int], None] | None) -> dict[str, Any]:
        """The worker's answer. Raises the error that it reported, Internal when it died without one."""
        async for line in self._messages:
            message = json.loads(line)
            if "progress" in message:
                if progress is not None:
                    progress(message["progress"])
            elif "error" in message:
                raise _KINDS.get(message["error"], Internal)(message["message"])
            else:
                answer: dict[str, Any] = message["result"]
                return answer
        raise Internal(f"the archive worker ended without an answer (exit status {await self._process.wait()})")


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _paths() -> Iterable[str]:
    """Where this process finds its modules; the package's own place first, in case an import hook supplied it."""
    return [os.path.dirname(os.path.dirname(corral.__file__)), *(path for path in sys.path if path)]
