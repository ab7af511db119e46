"""The streams of a process that a runtime makes: pipes whose outputs are listened to when the runtime is done.

Until then what comes out of them are the runtime's own words about a failure, which go to the user by another way.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack

from corral.runtime.external.console import ConsoleSocket
from corral.runtime.init.spawn import ProcessFds
from corral.runtime.supervisor.pipes import AddOutput
from corral.runtime.supervisor.process import Process
from corral.runtime.supervisor.services import Services


class Streams:
    """``fds``: the process's; none of them with a terminal, which comes by ``console``."""

    def __init__(
        self,
        services: Services,
        process: Process,
        console: str,
        pipes: Callable[[ExitStack, AddOutput], ProcessFds],
        theirs: ExitStack,
    ) -> None:
        """``console``: path of the socket; ``pipes`` makes them. Raises OSError."""
        self._services = services
        self._process = process
        self._outputs: list[tuple[int, int]] = []
        self._console: ConsoleSocket | None = None
        self.fds: ProcessFds | None = None
        if process.stdio.terminal:
            self._console = ConsoleSocket(services.loop, console, self._terminal)
        else:
            try:
                self.fds = pipes(theirs, lambda stream, fd: self._outputs.append((stream, fd)))
            except OSError:
                self.close()
                raise

    @property
    def arguments(self) -> tuple[str, ...]:
        """For the runtime's command."""
        return () if self._console is None else ("--console-socket", self._console.address)

    def listen(self) -> None:
        """The runtime is done, the process is there."""
        if self._console is not None:
            self._console.settle()
        outputs, self._outputs = self._outputs, []
        for stream, fd in outputs:
            self._process.add_output(stream, fd)

    def close(self) -> None:
        if self._console is not None:
            self._console.close()
        for _, fd in self._outputs:
            os.close(fd)
        self._outputs = []

    def _terminal(self, master: int) -> None:
        self._process.add_console(master)
