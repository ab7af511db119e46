"""One child on its way to its execve: what it says and how it ends, put together."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from corral.errors import Conflict, CorralError
from corral.runtime.driver import StartError
from corral.runtime.supervisor.launch import Launch
from corral.runtime.supervisor.listener import deliver_listener
from corral.runtime.supervisor.process import Process
from corral.runtime.supervisor.services import Services

if TYPE_CHECKING:  # which knows its starts
    from corral.runtime.supervisor.container import Container

Outcome = Callable[[CorralError | None], None]
"""Called once: None when the step that was asked for is done."""


class Pending(Protocol):
    """A process on its way to its program, whoever makes it: ``Start`` or one of ``runtime.external``."""

    def kept(self) -> list[tuple[str, int]]:
        """Descriptors of which others keep duplicates, by their names."""

    def release(self, outcome: Outcome) -> None:
        """Let a process go that waits, or that a predecessor may have let go."""

    def abort(self) -> None:
        """The container is to be deleted, and there is no process yet that could be killed."""

    def close(self) -> None:
        """Nobody is interested any more."""


class Start:
    """Brings one child to its execve; the Launch tells it what happens, the Exits tell it when the child ends.

    See also ``births``.
    """

    def __init__(
        self,
        services: Services,
        container: Container,
        process: Process,
        sync: socket.socket,
        started: Callable[[], None],
        outcome: Outcome | None,
        *,
        go: bool,
    ) -> None:
        self._services = services
        self._container = container
        self._process = process
        self._started = started
        self._outcome = outcome
        self._go = go
        self._error: StartError | None = None
        self.launch = Launch(services.loop, sync, self, process.name)
        container.starts[process.name] = self

    def begin(self, record: Callable[[], None]) -> None:
        """Make the child known, and then let it go if it is to.

        Whoever finds what ``record`` has written finds the child's socket among what was kept as well. Without a
        record the socket is given up, and with it the child.
        """
        self._services.audience.keep([*self._process.kept(), *self.kept()])
        try:
            record()
        except OSError as error:
            self.failed(StartError(f"recording process {self._process.pid}: {error.strerror}", 125))
            return
        if self._go:
            self.launch.go()

    def kept(self) -> list[tuple[str, int]]:
        """The child's socket: it goes on, or waits, for as long as somebody has it open."""
        return [] if self.launch.over else [(f"{self._process.name}/sync", self.launch.fd)]

    def release(self, outcome: Outcome) -> None:
        """Let a child go that was created without, or that a predecessor may have let go."""
        self._go = True
        self._outcome = outcome
        self.launch.go()

    def abort(self) -> None:
        """There is always a process."""

    def close(self) -> None:
        self.launch.close()

    # Launch

    def console(self, master: int) -> None:
        self._process.add_console(master)
        self._services.audience.keep([(f"{self._process.name}/console", master)])

    def hooks(self) -> None:
        from corral.runtime.supervisor import hooked  # few need it

        hooked.before_pivot(self._services, self._container, self.launch.fd, self._hooks_done)

    def _hooks_done(self, done: bool) -> None:
        if not done and not self.launch.over:
            self.failed(StartError("hooks were not run to their end", 125))

    def listener(self, number: int) -> None:
        try:
            deliver_listener(self._container, self._process, number)
        except (OSError, CorralError) as error:
            doing = "sending seccomp fd to its listener: "
            self.failed(StartError(f"{doing}{error.strerror}" if isinstance(error, OSError) else error.message, 125))
            return
        self.launch.listening()

    def ready(self) -> None:
        if not self._go:
            self._tell(None)

    def started(self) -> None:
        self._container.starts.pop(self._process.name, None)
        self._services.audience.drop(f"{self._process.name}/sync")
        self._started()
        if self._container.traits.hooks and self._process is self._container.init:
            from corral.runtime.supervisor import hooked

            hooked.after_start(self._services, self._container, lambda _: self._tell(None))
        else:
            self._tell(None)

    def failed(self, error: StartError) -> None:
        """It ends by itself, and only then everything can be undone."""
        self._container.starts.pop(self._process.name, None)
        self.launch.close()
        self._error = error
        try:
            self._process.signal(signal.SIGKILL)
        except Conflict:
            return

    # Exits

    def ended(self, code: int | None) -> None:
        self.launch.settle()
        process = self._process
        if self._error is None:
            self._container.ended(process, code)
        elif process is self._container.init:
            self._container.start_failed(lambda _: self._tell(self._error))
        else:
            process.close()
            self._container.forget_exec(process.name.rpartition("/")[2])
            self._services.audience.drop(process.name)
            self._tell(self._error)

    def _tell(self, error: CorralError | None) -> None:
        outcome, self._outcome = self._outcome, None
        if outcome is not None:
            outcome(error)

    def resume(self) -> None:
        """After a predecessor. A child that was to go may not have been told yet; telling it twice does no harm."""
        self.launch.resume()
        if self._go:
            self.launch.go()
