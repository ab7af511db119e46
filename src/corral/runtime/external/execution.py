"""One more process in a container, made by the runtime: ``exec --detach``, and adopted."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial

from corral.errors import Conflict, CorralError, Internal
from corral.oci.runtime import Process as ProcessSpec
from corral.runtime import driver
from corral.runtime.driver import Stdio
from corral.runtime.external import failure, stage
from corral.runtime.external.command import Command, Result
from corral.runtime.external.streams import Streams
from corral.runtime.external.workspace import Workspace
from corral.runtime.supervisor import creation
from corral.runtime.supervisor.container import Container
from corral.runtime.supervisor.pipes import open_pipes
from corral.runtime.supervisor.process import Process
from corral.runtime.supervisor.records import remove_file
from corral.runtime.supervisor.services import Services
from corral.runtime.supervisor.start import Outcome


def execute(
    services: Services,
    container: Container,
    exec_id: str,
    process_spec: ProcessSpec,
    stdio: Stdio,
    attachments: Sequence[driver.Attachment],
    outcome: Outcome,
) -> None:
    """As ``supervisor.creation.execute``."""
    process = Process(services.loop, f"{container.id}/{exec_id}", stdio, None, container)
    creation.attach(process, attachments)
    Entering(services, container, exec_id, process, outcome).begin(process_spec)


class Entering:
    """Implements ``supervisor.start.Pending``."""

    def __init__(
        self, services: Services, container: Container, exec_id: str, process: Process, outcome: Outcome
    ) -> None:
        self._services = services
        self._container = container
        self._exec_id = exec_id
        self._process = process
        self._outcome: Outcome | None = outcome
        self._workspace = Workspace(container.bundle, container.traits.cgroup)
        self._command: Command | None = None
        self._streams: Streams | None = None
        container.execs[exec_id] = process
        container.starts[process.name] = self

    def begin(self, process_spec: ProcessSpec) -> None:
        """Never raises: what goes wrong is the outcome."""
        container, workspace, name = self._container, self._workspace, self._exec_id
        assert container.traits.runtime is not None
        arguments = ["exec", "--detach", "--process", workspace.process(name), "--pid-file", workspace.pid_file(name)]
        try:
            with ExitStack() as theirs:
                pipes = partial(open_pipes, self._process)
                self._streams = Streams(self._services, self._process, workspace.console(name), pipes, theirs)
                self._command = Command(
                    self._services,
                    container.traits.runtime,
                    workspace,
                    name,
                    [*arguments, *self._streams.arguments, container.id],
                    self._over,
                    fds=self._streams.fds,
                    prepare=lambda: stage.prepare_exec(workspace, name, process_spec, container.init.pid),
                )
        except (OSError, CorralError) as error:
            self._fail(creation.start_error(error))

    def _over(self, result: Result) -> None:
        self._command = None
        try:
            self._made(result)
        except (OSError, CorralError) as error:
            self._fail(creation.start_error(error))

    def _made(self, result: Result) -> None:
        """Raises OSError."""
        pid = self._workspace.pid(self._exec_id) if result.good else 0
        self._clean()
        if not pid:
            self._fail(failure.of_exec(result) if not result.good else Internal("runtime wrote no process id"))
            return
        process = self._process
        process.spawned(pid, self._services.exits.adopt(pid, partial(self._container.ended, process)))
        process.has_started()
        self._container.starts.pop(process.name, None)
        assert self._streams is not None
        self._streams.listen()
        self._services.audience.keep(process.kept())
        creation.record_exec(self._container, self._exec_id, process)
        self._tell(None)

    # Pending

    def kept(self) -> list[tuple[str, int]]:
        return []

    def release(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def abort(self) -> None:
        """Only first processes are."""

    def close(self) -> None:
        """The container has ended."""
        if self._command is not None:
            self._command.forget()
        if self._streams is not None:
            self._streams.close()
        self._tell(Conflict(f"container {self._container.id} is not running"))

    def _fail(self, error: CorralError) -> None:
        """There may be a process already, which cannot be kept."""
        if self._process.pidfd >= 0:
            with suppress(CorralError, OSError):
                self._process.signal(signal.SIGKILL)
        self._services.exits.forget(self._process.pid, self._process.pidfd)
        self._container.starts.pop(self._process.name, None)
        self._process.close()
        if self._streams is not None:
            self._streams.close()
        self._container.forget_exec(self._exec_id)
        self._services.audience.drop(self._process.name)
        self._tell(error)

    def _tell(self, error: CorralError | None) -> None:
        outcome, self._outcome = self._outcome, None
        if outcome is not None:
            outcome(error)

    def _clean(self) -> None:
        remove_file(self._workspace.pid_file(self._exec_id))
        remove_file(self._workspace.process(self._exec_id))
