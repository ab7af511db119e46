"""exec: one more process in a running container. Created, started once, inspected until the container ends."""

from __future__ import annotations

import dataclasses
import os
import posixpath
import secrets
import socket
import struct
from typing import Final

from corral.api.types.exec import ExecCreateRequest, ExecInspect, ExecProcessConfig, ExecStartRequest
from corral.engine.container import detachkeys, news
from corral.engine.container.apparmor import ensure_profile
from corral.engine.container.assemble import process_of
from corral.engine.container.context import Engine, Upgrade
from corral.engine.container.live import ExecRecord
from corral.engine.container.lookup import not_running
from corral.engine.container.record import ContainerRecord, Status
from corral.engine.spec.process import exec_process
from corral.errors import Conflict, CorralError, Invalid, NotFound
from corral.oci.runtime import ConsoleSize
from corral.runtime.driver import Attachment, Exit, StartError, Stdio
from corral.runtime.init import user as users
from corral.runtime.init.failure import SetupError

__all__ = ["exec_create", "exec_ended", "exec_inspect", "exec_resize", "exec_start"]

_FAILED: Final = "OCI runtime exec failed: exec failed: unable to start container process: "


async def exec_create(engine: Engine, ref: str, request: ExecCreateRequest) -> str:
    """Returns its id. Raises NotFound, Conflict unless the container runs, Invalid."""
    record = engine.store.find(ref)
    if not request.cmd:
        raise Invalid("No exec command specified")
    if request.working_dir and not posixpath.isabs(request.working_dir):
        raise Invalid("Cwd must be an absolute path")
    detachkeys.parse(request.detach_keys or None)
    _check(record, ref)
    if request.user:
        _check_user(record, request.user)
    process = exec_process(
        record,
        process_of(engine, record, privileged=request.privileged),
        args=tuple(request.cmd),
        env=request.env or (),
        cwd=request.working_dir,
        user=request.user,
        tty=request.tty,
    )
    size = request.console_size
    if request.tty and size:
        process = dataclasses.replace(process, console_size=ConsoleSize(*size))
    created = ExecRecord(
        id=secrets.token_hex(32),
        container_id=record.id,
        process=process,
        tty=request.tty,
        stdin=request.attach_stdin,
        stdout=request.attach_stdout,
        stderr=request.attach_stderr,
        privileged=request.privileged,
        user=request.user,
        detach_keys=request.detach_keys,
    )
    engine.live.put_exec(created)
    _tell(engine, record, created, f"exec_create: {_command(created)}")
    return created.id


async def exec_start(engine: Engine, id: str, request: ExecStartRequest, upgrade: Upgrade | None) -> None:
    """Attached when there is an ``upgrade`` and it is not to be detached.

    Raises NotFound, Conflict when it was started before or the container does not run; and, before anything was sent
    to the client, what makes the start fail. Later errors go to the client as output, as Docker does.
    """
    wanted = _find(engine, id)
    if wanted.exit is not None:
        raise Conflict(f"Exec command {id} has already run")
    if wanted.started:
        raise Conflict(f"Exec command {id} is already running")
    record = engine.store.find(wanted.container_id)
    _check(record, record.id)
    wanted = dataclasses.replace(wanted, started=True)
    engine.live.put_exec(wanted)
    size = request.console_size or wanted.process.console_size
    if isinstance(size, tuple):
        size = ConsoleSize(*size)
    _tell(engine, record, wanted, f"exec_start: {_command(wanted)}")
    if upgrade is None or request.detach:
        await _run(engine, wanted, (), size)
        return
    fd, early = await upgrade(not wanted.tty)
    spare = os.dup(fd)
    try:
        keys = detachkeys.parse(wanted.detach_keys or None)
        attachment = Attachment(fd, wanted.stdin, wanted.stdout, wanted.stderr, keys, early)
        await _run(engine, wanted, (attachment,), size)
    except CorralError as error:
        _report(spare, wanted.tty, error)
    finally:
        os.close(spare)


async def _run(
    engine: Engine, wanted: ExecRecord, attachments: tuple[Attachment, ...], size: ConsoleSize | None
) -> None:
    stdio = Stdio(
        terminal=wanted.tty,
        open_stdin=wanted.stdin,
        stdin_once=True,
        console_size=size if wanted.tty else None,
    )
    try:
        await ensure_profile(engine, wanted.process.apparmor_profile)
        pid = await engine.driver.exec(
            wanted.container_id, wanted.id, wanted.process, stdio, attachments, privileged=wanted.privileged
        )
    except CorralError as error:
        of_program = isinstance(error, StartError) and error.exit_code in (126, 127)
        code = error.exit_code if isinstance(error, StartError) and of_program else 126
        exec_ended(engine, wanted.container_id, wanted.id, Exit(code, engine.clock()))
        raise Invalid((_FAILED if of_program else "") + error.message) from error
    current = engine.live.exec(wanted.id)
    if current is not None:
        engine.live.put_exec(dataclasses.replace(current, pid=pid))


def _report(fd: int, tty: bool, error: CorralError) -> None:
    """The last words to a client whose connection is a stream already."""
    text = f"{error.message}\r\n".encode()
    with socket.socket(fileno=os.dup(fd)) as connection:
        try:
            connection.sendall(text if tty else struct.pack(">BxxxL", 1, len(text)) + text)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            return


def exec_ended(engine: Engine, container_id: str, exec_id: str, exit: Exit) -> None:
    """The runtime's news."""
    ended = engine.live.exec(exec_id)
    record = engine.store.get(container_id)
    if ended is None or record is None or ended.exit is not None:
        return
    engine.live.put_exec(dataclasses.replace(ended, exit=exit))
    _tell(engine, record, ended, "exec_die", exitCode="" if exit.code is None else str(exit.code))


async def exec_inspect(engine: Engine, id: str) -> ExecInspect:
    """Raises NotFound."""
    found = _find(engine, id)
    return ExecInspect(
        id=found.id,
        running=found.running,
        exit_code=found.exit.code if found.exit else None,
        process_config=ExecProcessConfig(
            tty=found.tty,
            entrypoint=found.process.args[0] if found.process.args else "",
            arguments=list(found.process.args[1:]),
            privileged=found.privileged,
            user=found.user,
        ),
        open_stdin=found.stdin,
        open_stdout=found.stdout,
        open_stderr=found.stderr,
        can_remove=found.exit is not None,
        container_id=found.container_id,
        detach_keys=detachkeys.parse(found.detach_keys or None).decode("latin-1") if found.detach_keys else "",
        pid=found.pid,
    )


async def exec_resize(engine: Engine, id: str, height: int, width: int) -> None:
    """Raises NotFound, Conflict unless it runs in a terminal."""
    found = _find(engine, id)
    if not found.running:
        raise Conflict(f"Exec command {id} is not running")
    await engine.driver.resize(found.container_id, found.id, height, width)


def _check_user(record: ContainerRecord, user: str) -> None:
    """Names only: numbers need not be anybody's."""
    if all(word.isdecimal() for word in user.split(":")):
        return
    try:
        users.check(record.state.pid, user)
    except SetupError as error:
        raise Invalid(error.message) from error


def _find(engine: Engine, id: str) -> ExecRecord:
    found = engine.live.exec(id)
    if found is None:
        raise NotFound(f"No such exec instance: {id}", code="no_such_exec")
    return found


def _check(record: ContainerRecord, ref: str) -> None:
    if record.status is Status.PAUSED:
        raise Conflict(f"Container {ref} is paused, unpause the container before exec")
    if record.status is Status.RESTARTING:
        raise Conflict(f"Container {ref} is restarting, wait until the container is running")
    if not record.status.has_process:
        raise not_running(record)


def _command(exec: ExecRecord) -> str:
    head, *rest = exec.process.args
    return f"{head} {' '.join(rest)}"


def _tell(engine: Engine, record: ContainerRecord, exec: ExecRecord, action: str, **attributes: str) -> None:
    news.emit(engine, record, action, execID=exec.id, **attributes)
