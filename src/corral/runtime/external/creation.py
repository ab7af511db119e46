"""A container's first process, made by a runtime: ``create``, adopted, ``start``.

``create`` returns when the process waits before its execve, and its orphan is ours then. It is recorded before it may
go, so that the next supervisor finds it, asks the runtime for its ``state``, and starts it if that was not done yet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from corral.errors import CorralError, Internal
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Spec
from corral.runtime import driver
from corral.runtime.driver import RuntimeBinary, StartError
from corral.runtime.external import failure, stage
from corral.runtime.external.command import Command, Result
from corral.runtime.external.streams import Streams
from corral.runtime.external.workspace import INIT, Workspace
from corral.runtime.init.failure import OTHER
from corral.runtime.init.spawn import ProcessFds
from corral.runtime.supervisor import creation, records
from corral.runtime.supervisor.container import Container
from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.pipes import open_fifos
from corral.runtime.supervisor.services import Services
from corral.runtime.supervisor.start import Outcome


def create(
    services: Services,
    container: Container,
    spec: Spec,
    rootfs: tuple[RootfsMount, ...],
    attachments: Sequence[driver.Attachment],
    *,
    go: bool,
    outcome: Outcome,
) -> None:
    """As ``supervisor.creation.create``."""
    creation.attach(container.init, attachments)
    Making(services, container, go=go, outcome=outcome).begin(spec, rootfs)


def resume(services: Services, container: Container, *, go: bool) -> Callable[[int | None], None]:
    """After a predecessor. The container has been recorded and has not started, as far as that knew."""
    making = Making(services, container, go=go, outcome=None)
    services.loop.call_soon(making.ask)
    return making.ended


class Making:
    """Implements ``supervisor.start.Pending``."""

    def __init__(self, services: Services, container: Container, *, go: bool, outcome: Outcome | None) -> None:
        assert container.traits.runtime is not None
        self._services = services
        self._container = container
        self._runtime: RuntimeBinary = container.traits.runtime
        self._workspace = Workspace(container.bundle, container.traits.cgroup)
        self._go = go
        self._outcome = outcome
        self._command: Command | None = None
        self._streams: Streams | None = None
        self._created = False
        self._over = False
        self._error: CorralError | None = None
        self._exit: tuple[int | None] | None = None
        container.starts[container.id] = self

    # create

    def begin(self, spec: Spec, rootfs: tuple[RootfsMount, ...]) -> None:
        """Never raises: what goes wrong is the outcome."""
        process, workspace = self._container.init, self._workspace
        try:
            creation.remove_unfinished(self._services, self._container.bundle, spec)
            workspace.make()
            with ExitStack() as theirs:
                pipes = partial(open_fifos, process, self._container.bundle)
                self._streams = Streams(self._services, process, workspace.console(INIT), pipes, theirs)
                self._run(
                    INIT,
                    ["create", "--bundle", workspace.path, "--pid-file", workspace.pid_file(INIT)],
                    self._made,
                    options=self._streams.arguments,
                    fds=self._streams.fds,
                    prepare=lambda: stage.prepare_container(workspace, spec, rootfs),
                )
        except (OSError, CorralError) as error:
            self._fail(creation.start_error(error))

    def _made(self, result: Result) -> None:
        pid = self._workspace.pid(INIT) if result.good else 0
        if not pid:
            self._fail(failure.of_create(result) if not result.good else Internal("runtime wrote no process id"))
            return
        process = self._container.init
        process.spawned(pid, self._services.exits.adopt(pid, self.ended))
        assert self._streams is not None
        self._streams.listen()
        self._container.watch_memory()
        self._services.audience.keep(process.kept())
        creation.record_container(self._container, go=self._go)
        self._created = True
        if self._go:
            self._start()
        else:
            self._tell(None)

    # start

    def ask(self) -> None:
        """How far a predecessor has come."""
        try:
            self._run("state", ["state"], self._answered, output=True)
        except OSError as error:
            self._fail(creation.start_error(error))

    def _answered(self, result: Result) -> None:
        self._created = True
        if result.good and _status(self._workspace) == "created":
            if self._go:
                self._start()
        elif not self._over:
            self._done()

    def _start(self) -> None:
        self._run("start", ["start"], self._started)

    def _started(self, result: Result) -> None:
        if result.good:
            self._done()
        else:
            self._fail(failure.of_start(result))

    def _done(self) -> None:
        self._leave()
        try:
            self._container.started()
        except OSError as error:
            report("start not recorded", error, container=self._container.id)
        self._tell(None)
        if self._exit is not None:
            self._container.ended(self._container.init, *self._exit)

    # Pending

    def kept(self) -> list[tuple[str, int]]:
        return []

    def release(self, outcome: Outcome) -> None:
        went, self._go, self._outcome = self._go, True, outcome
        if self._created and not went:
            try:
                self._start()
            except OSError as error:
                self._fail(creation.start_error(error))

    def abort(self) -> None:
        if self._command is not None:
            self._command.kill()

    def close(self) -> None:
        self._over = True
        if self._command is not None:
            self._command.forget()
        if self._streams is not None:
            self._streams.close()

    # The process has ended: see ``Exits``

    def ended(self, code: int | None) -> None:
        """After it was started, while it is, or before."""
        if self._over:
            if self._error is None:
                self._container.ended(self._container.init, code)
        elif self._error is not None:
            self._remove()
        elif self._command is not None:
            self._exit = (code,)
        else:
            self._error = StartError("container process ended before it was started", OTHER)
            self._remove()

    # Inside

    def _run(
        self,
        name: str,
        command: list[str],
        ended: Callable[[Result], None],
        *,
        options: Sequence[str] = (),
        fds: ProcessFds | None = None,
        prepare: Callable[[], None] | None = None,
        output: bool = False,
    ) -> None:
        """Raises OSError."""

        def over(result: Result) -> None:
            self._command = None
            if self._over:
                return
            try:
                ended(result)
            except (OSError, CorralError) as error:
                self._fail(creation.start_error(error))

        self._command = Command(
            self._services,
            self._runtime,
            self._workspace,
            name,
            [*command, *options, self._container.id],
            over,
            fds=fds,
            prepare=prepare,
            own_mounts=prepare is not None,
            output=output,
        )

    def _fail(self, error: CorralError) -> None:
        """What there is of it ends, and only then everything can be removed."""
        self._error = error
        process = self._container.init
        if process.pidfd >= 0 and self._exit is None:
            self._container.kill_everything()
        else:
            self._remove()

    def _remove(self) -> None:
        self._leave()
        if self._streams is not None:
            self._streams.close()
        error = self._error
        self._container.start_failed(lambda _: self._tell(error))

    def _leave(self) -> None:
        self._over = True
        self._container.starts.pop(self._container.id, None)

    def _tell(self, error: CorralError | None) -> None:
        outcome, self._outcome = self._outcome, None
        if outcome is not None:
            outcome(error)


def _status(workspace: Workspace) -> str:
    try:
        return str(json.loads(records.read_file(workspace.output("state"))).get("status"))
    except (ValueError, AttributeError):
        return ""
