"""One worker process, from the daemon's side: started, fed, listened to, and never left behind."""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self

from corral import errors
from corral.archive.forks import NURSERY
from corral.errors import CorralError, Internal

PIPE: Final = -1
NOTHING: Final = -2

_KINDS: Final = {
    cls.kind: cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, CorralError)
}
_PIPE_SIZE: Final = 1 << 20
_CHUNK: Final = 1 << 18
_DESCRIPTOR: Final = array.array("i", [0]).itemsize


class WorkerProcess:
    """A context manager: the process is gone when the context ends, whatever happened inside.

    ``stdin`` and ``stdout`` are descriptors (the caller's), PIPE or NOTHING; ``fds`` are given to the request as well;
    ``module`` has the ``main`` that does it.
    """

    def __init__(
        self,
        request: dict[str, Any],
        stdin: int,
        stdout: int,
        *,
        module: str = "corral.archive.worker",
        fds: Sequence[int] = (),
    ) -> None:
        self._module = module
        self._request = request
        self._stdin = stdin
        self._stdout = stdout
        self._fds = fds
        self._channel: socket.socket
        self._pidfd = -1
        self._pending = b""
        self._answered = False
        self._input: asyncio.StreamWriter | None = None
        self._output: asyncio.StreamReader | None = None
        self._transports: list[asyncio.BaseTransport] = []

    async def __aenter__(self) -> Self:
        for _ in range(2):  # the nursery may have gone to bed just now
            await self._start()
            if self._pidfd >= 0:
                return self
            self._close()
        raise Internal("the archive worker did not start")

    async def _start(self) -> None:
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as undo:
            stdin, feeding = self._end(self._stdin, theirs, undo, reading=True)
            stdout, draining = self._end(self._stdout, theirs, undo, reading=False)
            self._channel, channel = socket.socketpair()
            self._channel.setblocking(False)
            theirs.callback(channel.close)
            undo.callback(self._channel.close)
            NURSERY.ask(self._module, self._request, (stdin, stdout, channel.fileno(), *self._fds))
            theirs.close()
            await self._greeted()
            await self._connect(feeding, draining)
            undo.pop_all()

    @staticmethod
    def _end(
        wanted: int, theirs: contextlib.ExitStack, undo: contextlib.ExitStack, *, reading: bool
    ) -> tuple[int, int]:
        """The worker's descriptor, and ours if there is a pipe."""
        if wanted == NOTHING:
            fd = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            theirs.callback(os.close, fd)
            return fd, -1
        if wanted != PIPE:
            return wanted, -1
        read, write = os.pipe()
        with contextlib.suppress(OSError):  # of unprivileged users all pipes together are limited
            fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        worker, ours = (read, write) if reading else (write, read)
        theirs.callback(os.close, worker)
        undo.callback(os.close, ours)
        return worker, ours

    async def _greeted(self) -> None:
        """Waits for the worker's pidfd; there is none when the nursery had gone."""
        await _readable(self._channel.fileno())
        try:
            _, ancillary, _, _ = self._channel.recvmsg(1, socket.CMSG_LEN(_DESCRIPTOR), socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:
            return
        for _, _, data in ancillary:
            self._pidfd = array.array("i", data[:_DESCRIPTOR])[0]

    async def _connect(self, feeding: int, draining: int) -> None:
        loop = asyncio.get_running_loop()
        if feeding >= 0:
            os.set_blocking(feeding, False)
            transport, protocol = await loop.connect_write_pipe(
                asyncio.streams.FlowControlMixin,
                open(feeding, "wb", buffering=0),  # noqa: SIM115
            )
            self._transports.append(transport)
            self._input = asyncio.StreamWriter(transport, protocol, None, loop)
        if draining >= 0:
            reader = asyncio.StreamReader(_PIPE_SIZE)
            source, _ = await loop.connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader),
                open(draining, "rb", buffering=0),  # noqa: SIM115
            )
            self._transports.append(source)
            self._output = reader

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for transport in self._transports:
            if not transport.is_closing():
                transport.close()
        if error is not None or not self._answered:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        try:
            await _readable(self._pidfd)
        finally:
            self._close()

    def _close(self) -> None:
        self._channel.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    async def send(self, data: bytes) -> None:
        """All of the worker's input."""
        await self.feed(_once(data))

    async def feed(self, source: AsyncIterator[bytes]) -> None:
        """Raises what the source raises."""
        stdin = self._input
        assert stdin is not None
        async for piece in source:
            stdin.write(piece)
            try:
                await stdin.drain()
            except (BrokenPipeError, ConnectionResetError):
                return  # the worker has refused its input and hung up; its message says why
        stdin.close()

    async def output(self) -> AsyncIterator[bytes]:
        assert self._output is not None
        while piece := await self._output.read(_CHUNK):
            yield piece

    async def message(self) -> dict[str, Any]:
        """The next one. Raises the error that it reports, Internal when the worker died without an answer."""
        while b"\n" not in self._pending:
            more = await self._receive()
            if not more:
                raise Internal("the archive worker ended without an answer")
            self._pending += more
        line, _, self._pending = self._pending.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        self._answered = "result" in message or "error" in message
        if "error" in message:
            raise _KINDS.get(message["error"], Internal)(message["message"])
        return message

    async def _receive(self) -> bytes:
        try:
            return await asyncio.get_running_loop().sock_recv(self._channel, 1 << 16)
        except ConnectionResetError:
            return b""

    async def result(self, progress: Callable[[int], None] | None) -> dict[str, Any]:
        """The worker's answer. Raises the error that it reported, Internal when it died without one."""
        while "result" not in (message := await self.message()):
            if "progress" in message and progress is not None:
                progress(message["progress"])
        answer: dict[str, Any] = message["result"]
        return answer

    async def fed(self, source: AsyncIterator[bytes], progress: Callable[[int], None] | None) -> dict[str, Any]:
        """Feed it and wait for its answer, which wins over trouble with feeding: the worker knows why it hung up."""
        feeding = asyncio.create_task(self.feed(source))
        answer = asyncio.create_task(self.result(progress))
        try:
            await asyncio.wait((feeding, answer), return_when=asyncio.FIRST_COMPLETED)
            if feeding.done() and (failure := feeding.exception()) is not None:
                raise failure
            return await answer
        finally:
            for task in (feeding, answer):
                task.cancel()
            await asyncio.gather(feeding, answer, return_exceptions=True)


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(fd, tell)
    try:
        await ready
    finally:
        loop.remove_reader(fd)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
