"""One process with its standard streams: the first of a container, or an exec.

It is finished when it has ended and its output has been moved. Other processes may still have the pipes open then:
those of its PID namespace are dead when the first one is, but with the host's PID namespace, or after an exec, some
may live on; they get a short time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Final, Protocol

from corral.errors import Conflict
from corral.linux import pidfd, tty
from corral.runtime import driver
from corral.runtime.driver import ExecState, Exit, Stdio
from corral.runtime.supervisor.attachment import Attachment
from corral.runtime.supervisor.logsink import LogSink
from corral.runtime.supervisor.loop import Loop, Timer
from corral.runtime.supervisor.output import STREAMS, Output
from corral.runtime.supervisor.stdin import Stdin

_PATIENCE: Final = 1.0
"""Seconds for which others may hold the output open after the process has ended."""


class ProcessEvents(Protocol):
    def finished(self, process: Process) -> None:
        """Called once; ``process.exit`` is there."""

    def detached(self, process: Process) -> None:
        """The detach keys were typed."""

    def stdin_closed(self, process: Process) -> None:
        """Those who keep the descriptor have to let go of it, or the process sees no end of its input."""


class Process:
    def __init__(self, loop: Loop, name: str, stdio: Stdio, log: LogSink | None, events: ProcessEvents) -> None:
        """``name``: ID or ID/EXEC."""
        self.name = name
        self.stdio = stdio
        self.pid = 0
        self.pidfd = -1
        self.started_at = 0
        self.exit: Exit | None = None
        """None until it is finished."""
        self._events = events
        self._closed = False
        self._loop = loop
        self._log = log
        self._console = -1
        self._size = (stdio.console_size.height, stdio.console_size.width) if stdio.console_size else None
        self._outputs: dict[int, Output] = {}
        self._stdin: Stdin | None = None
        self._attachments: list[Attachment] = []
        self._exit: Exit | None = None
        self._patience: Timer | None = None

    # What it consists of. Descriptors are non-blocking and taken over.

    def spawned(self, pid: int, fd: int) -> None:
        self.pid = pid
        self.pidfd = fd

    def add_output(self, stream: int, fd: int) -> None:
        """``fd``: the end of a pipe that is read."""
        self._add_output(stream, Output(self._loop, fd, stream, self._log, self._finish_if_done))

    def add_stdin(self, fd: int) -> None:
        """``fd``: the end of a pipe that is written."""
        self._add_stdin(Stdin(self._loop, fd, terminal=False, closed=lambda: self._events.stdin_closed(self)))

    def add_console(self, master: int, *, keep_size: bool = False) -> None:
        """``master``: of its terminal, whose window gets the size that was asked for."""
        os.set_blocking(master, False)
        self._console = master
        if self._size is not None and not keep_size:
            tty.set_winsize(master, *self._size)
        self._add_stdin(Stdin(self._loop, os.dup(master), terminal=True, closed=_nothing))
        source = Output(self._loop, os.dup(master), 1, self._log, self._finish_if_done, terminal=True)
        self._add_output(1, source)

    def kept(self) -> Iterator[tuple[str, int]]:
        """Its descriptors, by the names under which others keep duplicates."""
        fds = {"pidfd": self.pidfd, "console": self._console}
        if not self.stdio.terminal:
            fds.update({STREAMS[stream]: output.fd for stream, output in self._outputs.items()})
            fds["stdin"] = self._stdin.fd if self._stdin is not None else -1
        return ((f"{self.name}/{name}", fd) for name, fd in fds.items() if fd >= 0)

    def state(self) -> ExecState:
        return ExecState(self.name.rpartition("/")[2], self.pid, self.started_at, self.exit)

    @property
    def ended(self) -> bool:
        """It may not be finished yet."""
        return self._exit is not None or self._closed

    # What is done to it.

    def signal(self, number: int) -> None:
        """Raises Conflict when it has ended, OSError."""
        try:
            if self.pid and not self.ended:
                pidfd.pidfd_send_signal(self.pidfd, number)
                return
        except ProcessLookupError:
            pass
        raise Conflict(f"process {self.pid} is not running")

    def resize(self, height: int, width: int) -> None:
        """Raises Conflict without a terminal, OSError."""
        if not self.stdio.terminal:
            raise Conflict(f"process {self.pid} has no terminal")
        self._size = (height, width)
        if self._console >= 0:
            tty.set_winsize(self._console, height, width)

    def attach(self, request: driver.Attachment) -> None:
        """Takes ``request.fd`` over. Raises OSError."""
        attachment = Attachment(
            self._loop, request, terminal=self.stdio.terminal, detached=lambda: self._events.detached(self)
        )
        attachment.drained = self._update_outputs
        attachment.gone = lambda: self._forget(attachment)
        self._attachments.append(attachment)
        for stream, output in self._outputs.items():
            self._subscribe(attachment, stream, output)
        if self._stdin is not None:
            self._feed(attachment, self._stdin)

    def has_started(self) -> None:
        """It has executed the user's program."""
        self.started_at = time.time_ns()

    def has_ended(self, exit: Exit) -> None:
        """It was collected."""
        if self.ended:
            return
        self._exit = exit
        for output in self._outputs.values():
            output.drain()
        self._patience = self._loop.call_later(_PATIENCE, self.hurry)
        self._finish_if_done()

    def hurry(self) -> None:
        """It has ended: whoever else has its output open may not delay the end any longer."""
        for output in tuple(self._outputs.values()):
            output.finish()

    def close(self) -> None:
        """Give everything back at once; ``finished`` will not be called.

        Attachments are closed without a shutdown: the engine may have its own descriptor of the client's socket and
        more to say (why an exec did not start).
        """
        if not self._closed:
            for attachment in tuple(self._attachments):
                attachment.close()
        self._closed = True
        for output in self._outputs.values():
            output.end()
        self._release()

    # Inside.

    def _add_output(self, stream: int, output: Output) -> None:
        self._outputs[stream] = output
        for attachment in self._attachments:
            self._subscribe(attachment, stream, output)

    def _add_stdin(self, stdin: Stdin) -> None:
        self._stdin = stdin
        for attachment in self._attachments:
            self._feed(attachment, stdin)

    def _subscribe(self, attachment: Attachment, stream: int, output: Output) -> None:
        if attachment.wants(stream):
            output.subscribe(attachment)

    def _feed(self, attachment: Attachment, stdin: Stdin) -> None:
        attachment.connect_stdin(stdin, close=self.stdio.stdin_once and not self.stdio.terminal)

    def _update_outputs(self) -> None:
        for output in self._outputs.values():
            output.update()

    def _forget(self, attachment: Attachment) -> None:
        if attachment in self._attachments:
            self._attachments.remove(attachment)
        for output in self._outputs.values():
            output.unsubscribe(attachment)

    def _finish_if_done(self) -> None:
        if self._closed or not self.ended or any(output.fd >= 0 for output in self._outputs.values()):
            return
        self._closed = True
        # Drivers first: a client that sees the end of an exec's output asks for its exit code at once.
        try:
            self.exit = self._exit
            self._events.finished(self)
        finally:
            self._release()

    def _release(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        if self._stdin is not None:
            self._stdin.abort()
        for attachment in tuple(self._attachments):
            attachment.finish()
        self._attachments.clear()
        if self._console >= 0:
            os.close(self._console)
            self._console = -1
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


def _nothing() -> None:
    pass
