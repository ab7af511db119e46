"""Containers and execs from request to execve: what is made, in which order, and how it is undone."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

from corral.errors import Conflict, CorralError, Invalid
from corral.linux.fd import close_all
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Process as ProcessSpec
from corral.oci.runtime import Spec
from corral.runtime import driver
from corral.runtime.cgroups import Cgroup
from corral.runtime.driver import StartError, Stdio
from corral.runtime.init import spawn
from corral.runtime.init.failure import step
from corral.runtime.supervisor import protocol, records
from corral.runtime.supervisor.container import Container
from corral.runtime.supervisor.description import Traits, cgroup_of, read_bundle
from corral.runtime.supervisor.pipes import open_fifos, open_pipes
from corral.runtime.supervisor.process import Process
from corral.runtime.supervisor.services import Services
from corral.runtime.supervisor.start import Outcome, Start

if TYPE_CHECKING:  # few need it
    from corral.runtime.init.birth import Birth


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
    """Clone the first process. ``outcome`` is told when it is ready, or with ``go`` when it has executed the program.

    The container is gone when ``outcome`` is told of an error. Takes the attachments' descriptors over.
    """
    process = container.init
    born: Birth | None = None
    try:
        attach(process, attachments)
        with ExitStack() as theirs:
            container.cgroup.create(spec.linux.resources, spec.annotations)
            container.watch_memory()
            fds = open_fifos(process, container.bundle, theirs)
            if go and not container.traits.own_pid_namespace:
                born = births().of_container(spec)
            child = spawn.spawn_container(
                spec,
                rootfs,
                fds=fds,
                cgroup=container.cgroup,
                bundle=container.bundle,
                options=spawn.Options(id=container.id),
                birth=born,
            )
        container.cgroup.entered(child.pid)
        process.spawned(child.pid, child.pidfd)
        record = partial(record_container, container, go=go)
        page, born = _page(born), None
        start = follow(services, container, process, child.sync, container.started, outcome, record, go=go, page=page)
        services.exits.of_child(child.pid, child.pidfd, start.ended)
        start.begin(record)
    except (OSError, CorralError) as error:
        _give_up(born)
        container.kill_everything()
        _await_end(process)
        container.start_failed()
        raise start_error(error) from error


def execute(
    services: Services,
    container: Container,
    exec_id: str,
    process_spec: ProcessSpec,
    stdio: Stdio,
    attachments: Sequence[driver.Attachment],
    outcome: Outcome,
) -> None:
    """Clone one more process into the container, which must be running. ``outcome`` as with ``create`` and ``go``."""
    process = Process(services.loop, f"{container.id}/{exec_id}", stdio, None, container)
    born: Birth | None = None
    try:
        attach(process, attachments)
        with ExitStack() as theirs:
            fds = open_pipes(process, theirs)
            if container.traits.traces or services.tracers:
                born = births().of_exec(process_spec, container.spec())
            child = spawn.spawn_exec(
                container.init.pidfd,
                process_spec,
                fds=fds,
                cgroup=container.cgroup,
                spec=container.spec(),
                options=spawn.Options(id=container.id),
                birth=born,
            )
    except (OSError, CorralError) as error:
        _give_up(born)
        process.close()
        raise start_error(error) from error
    container.execs[exec_id] = process
    process.spawned(child.pid, child.pidfd)
    try:
        record = partial(record_exec, container, exec_id, process)
        page, born = _page(born), None
        start = follow(
            services, container, process, child.sync, process.has_started, outcome, record, go=True, page=page
        )
        services.exits.of_child(child.pid, child.pidfd, start.ended)
        start.begin(record)
    except OSError as error:
        _give_up(born)
        services.exits.forget(child.pid, child.pidfd)
        with suppress(OSError, Conflict):
            process.signal(signal.SIGKILL)
        if (begun := container.starts.pop(process.name, None)) is not None:
            begun.close()
        process.close()
        container.forget_exec(exec_id)
        raise start_error(error) from error


def births() -> ModuleType:
    """Few need them."""
    from corral.runtime.supervisor import births

    return births


def follow(
    services: Services,
    container: Container,
    process: Process,
    sync: socket.socket,
    started: Callable[[], None],
    outcome: Outcome | None,
    record: Callable[[], None],
    *,
    go: bool,
    page: int | None,
) -> Start:
    """``page``: of one that bears the process. Takes it and ``sync`` over."""
    if page is None:
        return Start(services, container, process, sync, started, outcome, go=go)
    made: Start = births().BornLast(
        services, container, process, sync, started, outcome, go=go, page=page, record=record
    )
    return made


def _page(born: Birth | None) -> int | None:
    return None if born is None else born.page


def _give_up(born: Birth | None) -> None:
    if born is not None:
        os.close(born.page)


def _await_end(process: Process) -> None:
    """Of a child that is followed by nobody yet: its cgroup can be removed as soon as it is not in there."""
    if process.pid:
        with suppress(OSError):
            os.kill(process.pid, signal.SIGKILL)
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def attach(process: Process, attachments: Sequence[driver.Attachment]) -> None:
    """Takes the descriptors over, also when it raises OSError."""
    for number, attachment in enumerate(attachments, 1):
        try:
            process.attach(attachment)
        except OSError:
            close_all([other.fd for other in attachments[number:]])
            raise


def start_error(error: OSError | CorralError) -> CorralError:
    """What a user is told: a limit of the host or of the container is no fault of ours."""
    if isinstance(error, CorralError):
        return error
    words = f"{error.strerror}: {error.filename}" if error.filename else f"{step(error)}: {error.strerror}"
    return StartError(words, 125)


def remove_leftovers(services: Services, id: str) -> None:
    """Of a container that is not known: what a creation made that was cut short, as far as it can be found.

    Idempotent.
    """
    bundle = f"{services.bundles}/{id}"
    try:
        spec, _ = read_bundle(bundle)
        cgroup_of(services.hierarchies, Traits.of(spec), id).delete()
    except Invalid:  # there is no description: nothing can have been made after it
        pass
    records.remove_tree(bundle)


def remove_unfinished(services: Services, bundle: str, spec: Spec) -> None:
    """What another runtime was making when the supervisor died, and it with the supervisor. Idempotent."""
    if os.path.isdir(f"{bundle}/oci"):
        Cgroup.at(services.hierarchies, spec.linux.cgroups_path).delete()
        records.remove_tree(f"{bundle}/oci")


def record_container(container: Container, *, go: bool) -> None:
    """For a later supervisor, see ``records``. Raises OSError."""
    facts = {**_facts(container.init), "traits": container.traits.to_json(), "go": go}
    records.write(container.bundle, "state", facts)


def record_exec(container: Container, exec_id: str, process: Process) -> None:
    facts = {**_facts(process), "startedAt": time.time_ns()}
    records.write(container.bundle, f"exec-{exec_id}", facts)


def _facts(process: Process) -> records.Record:
    stdio = protocol.encode_stdio(process.stdio)
    return {"pid": process.pid, "ticks": records.start_ticks(process.pid), "stdio": stdio}
