"""Containers of a dead supervisor, found again: by their records, by the descriptors that were kept, by their
FIFOs."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from functools import partial

from corral.errors import CorralError
from corral.linux.fd import close_all
from corral.runtime.driver import Status
from corral.runtime.supervisor import creation, makers, pipes, protocol, records
from corral.runtime.supervisor.container import Container
from corral.runtime.supervisor.containers import Containers
from corral.runtime.supervisor.description import Traits
from corral.runtime.supervisor.exits import Ended, exit_code
from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.kept import Kept
from corral.runtime.supervisor.process import Process
from corral.runtime.supervisor.services import Services


class Restorer:
    """Takes out of ``kept`` what it uses. ``statuses``: of processes that the keeper collected, by process id."""

    def __init__(self, services: Services, containers: Containers, kept: Kept, statuses: Mapping[int, int]) -> None:
        self._services = services
        self._containers = containers
        self._kept = kept
        self._statuses = statuses

    def run(self) -> None:
        """Everything in the bundles' directory. What cannot be restored is reported, and does not stop the others."""
        for id in sorted(os.listdir(self._services.bundles)):
            try:
                self._restore(id)
            except (OSError, CorralError, ValueError, KeyError) as error:
                report("container not restored", error, container=id)
        self._finish_chunk()
        for name in self._kept.names():  # of children that were not recorded: without their sockets they end
            self._services.audience.drop(name)

    def _restore(self, id: str) -> None:
        bundle = f"{self._services.bundles}/{id}"
        facts = records.read(bundle, "state")
        if facts is None:
            return
        traits = Traits.from_json(facts["traits"])
        container = self._containers.new(id, traits, protocol.decode_stdio(facts["stdio"]))
        self._restore_init(container, facts)
        if traits.runtime is not None:
            makers.end_strays_externally(self._services, container)
        for name in sorted(os.listdir(bundle)):
            if name.startswith("exec-") and not name.endswith("-exit.json"):
                self._restore_exec(container, name.removeprefix("exec-").removesuffix(".json"))

    def _restore_init(self, container: Container, facts: records.Record) -> None:
        process = container.init
        process.started_at = _started_at(container.bundle)
        self._restore_streams(process, container.bundle)
        container.watch_memory()
        sync = self._kept.take(f"{process.name}/sync")
        if sync is not None and not process.started_at:
            record = partial(creation.record_container, container, go=facts["go"])
            self._resume(container, process, facts, sync, container.started, record, go=facts["go"])
            return
        close_all([] if sync is None else [sync])
        if self._restore_exit(container, process, facts, "exit"):
            return
        if not process.started_at and container.traits.runtime is not None:
            ended = makers.resume_externally(self._services, container, go=facts["go"])
            self._restore_process(process, facts, ended)
            return
        if not process.started_at:
            # Keeper, supervisor and driver died together while it was being set up: it may have come through.
            container.started()
        container.status = Status.PAUSED if container.cgroup.is_frozen() else Status.RUNNING
        self._restore_process(process, facts, partial(container.ended, process))

    def _restore_exec(self, container: Container, exec_id: str) -> None:
        facts = records.read(container.bundle, f"exec-{exec_id}")
        if facts is None:
            return
        stdio = protocol.decode_stdio(facts["stdio"])
        process = Process(self._services.loop, f"{container.id}/{exec_id}", stdio, None, container)
        container.execs[exec_id] = process
        self._restore_streams(process, None)
        sync = self._kept.take(f"{process.name}/sync")
        if sync is not None:
            record = partial(creation.record_exec, container, exec_id, process)
            self._resume(container, process, facts, sync, process.has_started, record, go=True)
            return
        process.started_at = facts["startedAt"]
        if self._restore_exit(container, process, facts, f"exec-{exec_id}-exit"):
            return
        self._restore_process(process, facts, partial(container.ended, process))

    def _restore_exit(self, container: Container, process: Process, facts: records.Record, name: str) -> bool:
        """False when none is recorded. Its last output may still have to be moved, and drivers to be told."""
        exit = records.read(container.bundle, name)
        if exit is None:
            return False
        process.pid = facts["pid"]
        container.ended_as(process, protocol.decode_exit(exit))
        return True

    def _resume(
        self,
        container: Container,
        process: Process,
        facts: records.Record,
        sync: int,
        started: Callable[[], None],
        record: Callable[[], None],
        *,
        go: bool,
    ) -> None:
        """A child that had not executed its program, as far as the dead supervisor knew."""
        page = self._kept.take(f"{process.name}/birth")
        start = creation.follow(
            self._services, container, process, socket.socket(fileno=sync), started, None, record, go=go, page=page
        )
        if page is not None:
            self._tell_of_child(page)
        self._restore_process(process, facts, start.ended)
        start.resume()

    def _tell_of_child(self, page: int) -> None:
        """The process that a child has borne may have ended already, before anybody knew of it."""
        from corral.runtime.init.birth import child_of  # few need it

        pid = child_of(page)
        if pid in self._statuses:
            self._services.exits.told(pid, self._statuses[pid])

    def _restore_streams(self, process: Process, bundle: str | None) -> None:
        """``bundle``: where there are FIFOs to be opened again when nobody kept them."""
        if process.stdio.terminal:
            console = self._kept.take(f"{process.name}/console")
            if console is not None:
                process.add_console(console, keep_size=True)
            return
        for stream, name in ((1, "stdout"), (2, "stderr")):
            fd = self._kept.take(f"{process.name}/{name}")
            if fd is None and bundle is not None:
                fd = pipes.open_reader(bundle, name)
            if fd is not None:
                process.add_output(stream, fd)
        stdin = self._kept.take(f"{process.name}/stdin")
        if stdin is None and bundle is not None:
            stdin = pipes.open_writer(bundle)
        if stdin is not None:
            process.add_stdin(stdin)

    def _restore_process(self, process: Process, facts: records.Record, ended: Ended) -> None:
        """Find it by its pidfd, kept or opened again; when it is gone, what is known of its end."""
        pid = facts["pid"]
        fd = self._kept.take(f"{process.name}/pidfd")
        if fd is None:
            fd = _reopen(pid, facts["ticks"])
        if fd is None:
            process.pid = pid
            status = self._statuses.get(pid)
            code = None if status is None else exit_code(status)
            self._services.loop.call_soon(lambda: ended(code))
            return
        process.spawned(pid, fd)
        self._services.exits.of_other(pid, fd, ended)
        if pid in self._statuses:
            self._services.exits.told(pid, self._statuses[pid])

    def _finish_chunk(self) -> None:
        """The one chunk of output that the dead supervisor may have been working on."""
        unfinished = self._services.spool.recover()
        if unfinished is None:
            return
        container = self._containers.find(unfinished.owner.partition("/")[0])
        if container is None or container.log is None:
            self._services.spool.commit()
        else:
            container.log.redo(unfinished)


def _started_at(bundle: str) -> int:
    """0 when it had not started."""
    record = records.read(bundle, "started")
    return int(record["at"]) if record is not None else 0


def _reopen(pid: int, ticks: int) -> int | None:
    """A pidfd, if ``pid`` is still the process that began at ``ticks``."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if records.start_ticks(pid) != ticks:
        os.close(fd)
        return None
    return fd
