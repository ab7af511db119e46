"""Processes that are born last (``runtime.init.birth``): which ones are, and what is different about their starts.

Those whose PID namespace has, or may have, somebody in it who could trace them while they are set up.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from corral.errors import Conflict
from corral.oci.annotations import REAPER
from corral.oci.runtime import Process as ProcessSpec
from corral.oci.runtime import Spec
from corral.runtime.driver import StartError
from corral.runtime.init import birth
from corral.runtime.init.birth import Birth
from corral.runtime.security.seccomp import load
from corral.runtime.supervisor.exits import parent_of
from corral.runtime.supervisor.process import Process
from corral.runtime.supervisor.services import Services
from corral.runtime.supervisor.start import Outcome, Start

if TYPE_CHECKING:  # which knows its starts
    from corral.runtime.supervisor.container import Container

__all__ = ["BornLast", "of_container", "of_exec"]

_OTHER: Final = 125


def of_exec(process: ProcessSpec, spec: Spec) -> Birth | None:
    """Raises OSError, and Invalid for a filter that cannot be compiled."""
    return birth.begin() if birth.is_possible(process, load.read(spec.annotations, spec.linux.seccomp)) else None


def of_container(spec: Spec) -> Birth | None:
    """The same for one that joins a PID namespace. Not for what takes root's powers in there: a reaper, hooks."""
    paths = {namespace.type: namespace.path for namespace in spec.linux.namespaces}
    if not paths.get("pid") or "user" in paths or REAPER in spec.annotations or spec.hooks is not None:
        return None
    return of_exec(spec.process, spec) if birth.knows_processes_of(paths["pid"]) else None


class BornLast(Start):
    """Its child bears the process and ends. ``record`` writes down what is known of the process."""

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
        page: int,
        record: Callable[[], None],
    ) -> None:
        """Takes ``page`` over."""
        try:
            super().__init__(services, container, process, sync, started, outcome, go=go)
        except OSError:
            os.close(page)
            raise
        self._page = page
        self._record = record
        services.exits.program_begins()  # which leaves an orphan, as far as anybody can see

    def kept(self) -> list[tuple[str, int]]:
        return super().kept() + ([] if self._page < 0 else [(f"{self._process.name}/birth", self._page)])

    def close(self) -> None:
        super().close()
        self._close_page()

    def started(self) -> None:
        """What has been executed is what bears it."""
        if self._page < 0:
            super().started()

    def ended(self, code: int | None) -> None:
        if self._page < 0:
            super().ended(code)
            return
        self.launch.settle()
        pid = birth.child_of(self._page)
        known = pid > 0 and self._follow(pid)
        self._close_page()
        if not known:
            self._container.starts.pop(self._process.name, None)
            self._error = self._error or _not_born(code)
            super().ended(code)
        elif self._error is None:
            super().started()
        else:
            with suppress(Conflict, OSError):
                self._process.signal(signal.SIGKILL)

    def resume(self) -> None:
        if birth.child_of(self._page) == self._process.pid:
            self._close_page()
        super().resume()

    def _follow(self, pid: int) -> bool:
        """From now on the process is this one. False when it cannot be followed: then it is no more."""
        process = self._process
        try:
            pidfd = self._services.exits.adopt(pid, self.ended)
        except OSError as error:
            self._error = self._error or StartError(f"following process {pid}: {error.strerror}", _OTHER)
            if parent_of(pid) == os.getpid():  # and so it is still the one that was meant
                os.kill(pid, signal.SIGKILL)
            return False
        if process.pidfd >= 0:
            os.close(process.pidfd)
        process.spawned(pid, pidfd)
        if pidfd >= 0:
            self._services.audience.keep([(f"{process.name}/pidfd", pidfd)])
        try:
            self._record()
        except OSError as error:
            self._error = self._error or StartError(f"recording process {pid}: {error.strerror}", _OTHER)
        return True

    def _close_page(self) -> None:
        if self._page >= 0:
            os.close(self._page)
            self._page = -1
            self._services.audience.drop(f"{self._process.name}/birth")
            self._services.exits.program_ended()


def _not_born(code: int | None) -> StartError:
    """``code``: an errno, unless it was killed, or unknown."""
    if code in errno.errorcode:
        return StartError(f"fork/exec: {os.strerror(code or 0).lower()}", _OTHER)
    return StartError("container process ended before it was started", _OTHER)
