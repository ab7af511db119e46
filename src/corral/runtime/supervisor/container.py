"""One container: its first process, its execs, its cgroup, its log, and what is recorded of it in its bundle."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from corral.errors import Conflict, CorralError, Internal, NotFound
from corral.oci.runtime import Resources, Spec
from corral.runtime import driver
from corral.runtime.driver import ContainerState, Exit, Status, Stdio
from corral.runtime.supervisor import makers, protocol, records
from corral.runtime.supervisor.description import Traits, cgroup_of, read_bundle
from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.logsink import LogSink
from corral.runtime.supervisor.loop import Timer
from corral.runtime.supervisor.oom import OomAlarm
from corral.runtime.supervisor.process import Process
from corral.runtime.supervisor.services import Services
from corral.runtime.supervisor.start import Pending

_DEATH: Final = 10.0
"""Seconds that a killed container may take to end before ``delete`` gives up."""

Deleted = Callable[[CorralError | None], None]


class Container:
    """Made by ``creation`` or ``restore``. ``forgotten`` is called when nothing is left of it."""

    def __init__(
        self, services: Services, id: str, traits: Traits, stdio: Stdio, forgotten: Callable[[], None]
    ) -> None:
        """Raises OSError when the log cannot be opened, Invalid for the cgroup's path."""
        self.id = id
        self.bundle = f"{services.bundles}/{id}"
        self.traits = traits
        self.status = Status.CREATED
        self.cgroup = cgroup_of(services.hierarchies, traits, id)
        self.log: LogSink | None = None
        if stdio.log is not None:
            self.log = LogSink(services.spool, id, self.bundle, stdio.log, services.compress)
        self.init = Process(services.loop, id, stdio, self.log, self)
        self.execs: dict[str, Process] = {}
        self.starts: dict[str, Pending] = {}
        self._spec: Spec | None = None
        self._services = services
        self._forgotten = forgotten
        self._oom: OomAlarm | None = None
        self._cgroup_gone = False
        self._deleting: list[Deleted] = []
        self._deadline: Timer | None = None
        if traits.traces and not traits.own_pid_namespace:
            services.tracers.add(id)

    # Asking

    def state(self) -> ContainerState:
        execs = tuple(process.state() for process in self.execs.values() if process.started_at)
        return ContainerState(self.id, self.init.pid, self.status, self.init.started_at, self.init.exit, execs)

    def process(self, exec_id: str | None) -> Process:
        """Raises NotFound."""
        if exec_id is None:
            return self.init
        try:
            return self.execs[exec_id]
        except KeyError:
            raise NotFound(f"No such exec instance: {exec_id}") from None

    def spec(self) -> Spec:
        """Read again when an exec asks for it: most containers never have one. Raises Invalid."""
        if self._spec is None:
            self._spec, _ = read_bundle(self.bundle)
        return self._spec

    def pids(self) -> list[int]:
        return self.cgroup.pids()

    # Doing

    def attach(self, exec_id: str | None, attachment: driver.Attachment) -> None:
        """Takes ``attachment.fd`` over if it does not raise. Raises NotFound, Conflict when the process has ended."""
        process = self.process(exec_id)
        if process.ended:
            raise Conflict(f"process {process.pid} of container {self.id} has ended")
        process.attach(attachment)

    def kill(self, exec_id: str | None, number: int, *, everybody: bool) -> None:
        """Raises NotFound, Conflict when the process has ended, OSError."""
        if everybody:
            for pid in self.cgroup.pids():
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        else:
            self.process(exec_id).signal(number)
        if number == signal.SIGKILL and exec_id is None and self.status is Status.PAUSED:
            self.cgroup.thaw()  # version 1 does not let them die before

    def pause(self) -> None:
        """Raises Conflict unless it is running."""
        if self.status is not Status.RUNNING:
            raise Conflict(f"container {self.id} is {self.status.value}")
        self.cgroup.freeze()
        self.status = Status.PAUSED

    def resume(self) -> None:
        if self.status is not Status.PAUSED:
            raise Conflict(f"container {self.id} is not paused")
        self.cgroup.thaw()
        self.status = Status.RUNNING

    def update(self, resources: Resources) -> list[str]:
        """Returns warnings."""
        if self.status is Status.STOPPED:
            raise Conflict(f"container {self.id} is not running")
        return self.cgroup.update(resources)

    def delete(self, deleted: Deleted) -> None:
        """Kill what is left and remove everything; ``deleted`` is called once that is done."""
        self._deleting.append(deleted)
        if len(self._deleting) > 1:
            return
        if self.status is Status.STOPPED or not self.init.pid:
            start = self.starts.get(self.id)
            if start is None:
                self._remove()
            else:
                start.abort()  # which fails, and then all is removed
            return
        if self.init.ended:
            self.init.hurry()
            return
        self._deadline = self._services.loop.call_later(_DEATH, self._survived)
        self.kill_everything()

    def kill_everything(self) -> None:
        steps: list[Callable[[], object]] = [self.cgroup.kill, lambda: self.init.signal(signal.SIGKILL)]
        for step in [self.cgroup.thaw, *steps] if self.status is Status.PAUSED else steps:
            try:
                step()
            except Conflict:
                continue
            except (OSError, CorralError) as error:
                report("container not killed", error, container=self.id)

    # What happens to it

    def started(self) -> None:
        """The first process has executed the user's program."""
        self.init.has_started()
        records.write(self.bundle, "started", {"at": self.init.started_at})
        self.status = Status.RUNNING

    def watch_memory(self) -> None:
        self._oom = OomAlarm.of(
            self._services.loop, self.cgroup, lambda limit: self._services.audience.oom(self.id, limit)
        )

    def start_failed(self, removed: Deleted | None = None) -> None:
        """The first process has ended without having executed the user's program, or there is none: nothing remains.

        ``removed`` is called when that is so.
        """
        self.init.close()
        if removed is not None:
            self._deleting.append(removed)
        self._remove()
        self.init.pid = 0  # should something have been left: ``delete`` tries again, and waits for nobody

    def ended(self, process: Process, code: int | None) -> None:
        """It was collected. Recorded at once, for we may be killed while its last output is moved."""
        is_init = process is self.init
        exit = Exit(code, time.time_ns(), oom_killed=is_init and self._memory_ran_out())
        name = "exit" if is_init else f"exec-{process.name.rpartition('/')[2]}-exit"
        try:
            records.write(self.bundle, name, protocol.encode_exit(exit))
        except OSError as error:
            report("exit not recorded", error, container=self.id)
        self.ended_as(process, exit)

    def ended_as(self, process: Process, exit: Exit) -> None:
        """As it is recorded. Processes of other PID namespaces than its own may still be there, and execs that are on
        their way."""
        if process is self.init and (not self.traits.own_pid_namespace or self.starts):
            self.cgroup.kill()
        process.has_ended(exit)

    def finished(self, process: Process) -> None:
        assert process.exit is not None
        if process is self.init:
            self._exited(process.exit)
        else:
            self._exec_exited(process, process.exit)

    def detached(self, process: Process) -> None:
        self._services.audience.detached(self.id, None if process is self.init else process.name.rpartition("/")[2])

    def stdin_closed(self, process: Process) -> None:
        if process is self.init:
            records.remove_file(f"{self.bundle}/stdin")
        self._services.audience.drop(f"{process.name}/stdin", soon=True)  # the process waits for the end of it

    # Inside

    def _memory_ran_out(self) -> bool:
        return self.cgroup.oom_kill_count() > 0 or (self._oom is not None and self._oom.rung())

    def _exited(self, exit: Exit) -> None:
        if self._oom is not None:
            self._oom.close()
        self.status = Status.STOPPED
        if self.log is not None:
            self.log.close()
        self._services.audience.exit(self.id, None, exit)
        self._services.audience.drop(self.id)
        if self._deleting:
            self._remove()
        else:
            # Nobody waits for this any more.
            self._services.loop.call_soon(self._remove_cgroup)

    def _exec_exited(self, process: Process, exit: Exit) -> None:
        exec_id = process.name.rpartition("/")[2]
        if self._services.audience.exit(self.id, exec_id, exit):
            self.forget_exec(exec_id)
        self._services.audience.drop(process.name)

    def forget_exec(self, exec_id: str) -> None:
        """Its exit was told."""
        self.execs.pop(exec_id, None)
        records.remove(self.bundle, f"exec-{exec_id}-exit")
        records.remove(self.bundle, f"exec-{exec_id}")

    def _remove_cgroup(self) -> None:
        try:
            self.cgroup.delete()
            self._cgroup_gone = True
        except OSError as error:
            report("cgroup not removed", error, container=self.id)

    def _remove(self) -> None:
        if self.traits.runtime is None:
            self._take_apart()
        else:
            makers.delete_externally(self._services, self, self._take_apart)

    def _take_apart(self) -> None:
        failure: CorralError | None = None
        hooks_of = None
        try:
            if self.traits.hooks:
                hooks_of = self.spec()
            for exec_id, process in self.execs.items():
                if process.exit is None and process.started_at:
                    self._services.audience.exit(self.id, exec_id, Exit(None, time.time_ns()))
            self._close()
            if self.status is not Status.STOPPED:
                self._services.audience.drop(self.id)
            if not self._cgroup_gone:
                self.cgroup.delete()
            records.remove_tree(self.bundle)
            self._services.tracers.discard(self.id)
            self._forgotten()
        except OSError as error:
            report("container not removed", error, container=self.id)
            failure = Internal(f"removing container {self.id}: {error}")
        if hooks_of is None or failure is not None:
            self._answer(failure)
        else:
            from corral.runtime.supervisor import hooked  # few need it

            hooked.after_end(self._services, self, hooks_of, lambda _: self._answer(None))

    def _close(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        for start in self.starts.values():
            start.close()
        self.starts.clear()
        for process in (self.init, *self.execs.values()):
            self._services.exits.forget(process.pid, process.pidfd)
            process.close()
        if self._oom is not None:
            self._oom.close()
        if self.log is not None:
            self.log.close()

    def _survived(self) -> None:
        self._answer(Internal(f"container {self.id}: process {self.init.pid} does not end"))

    def _answer(self, failure: CorralError | None) -> None:
        deleting, self._deleting = self._deleting, []
        for deleted in deleting:
            deleted(failure)
