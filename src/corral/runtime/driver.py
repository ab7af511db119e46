"""The execution driver: how the engine runs containers. This module is the manual; ``native`` is the implementation,
which makes containers itself or has an OCI runtime binary make them (``external``).

Vocabulary
    A *container* is named by the engine (64 lower-case hex digits) and described by an OCI runtime spec and the
    mounts of its root filesystem. Its *bundle* is a directory of the exec root. An *exec* is one more process inside
    it, named by the engine as well. A *stream* is one of stdin, stdout, stderr; a terminal has one that is stdin and
    stdout at once. An *attachment* is a connected socket, usually the client's own, to which streams are copied by
    the runtime itself. A *runtime* is a program with the command line of runc, which makes a container in place of
    the driver's own code when ``CreateRequest.runtime`` names one. From then on all of this holds for that container
    too; only the time that it takes and the words of some errors are the other program's.

Lifecycle
    ::

        create ──> CREATED ──start──> RUNNING <──pause/resume──> PAUSED
                      │                  │                          │
        run = create + start             └──── the process ends ────┴──> STOPPED ──delete──> (unknown)

    ``create`` has made namespaces, cgroup and mounts; the first process waits before its execve. ``start`` lets it go
    and returns when the execve has succeeded; when it fails StartError is raised and nothing of the container is
    left, the same for ``run``. A container that has STOPPED is remembered, and keeps its bundle, until ``delete``,
    which is right in every state and idempotent. ``container_exited`` is called once for each container that had
    started, after all of its output is in its log and has been handed to its attachments. When it ends its execs end;
    no event need come for those. A restart of the engine's container is a delete and a new create, under the same id.

    Containers live in processes that do not depend on the caller's. A driver that connects finds what others left: it
    learns of it by ``list``, and the exits of what is not deleted yet are reported as events right after connecting.
    What is reported in answer to a call is reported after that call has returned.

Streams
    With ``Stdio.log`` stdout and stderr go to a json-file log, byte for byte, from the first one on, no matter
    whether anybody is attached. ``CreateRequest.attachments`` are in place before the process runs, so that they miss
    nothing; a later ``attach`` sees what is written from then on. A slow attachment slows the container down once its
    pipe is full (it does not lose output and does not grow memory); one that hangs up is forgotten. The driver takes
    ``fd`` over in every case, errors included: it will be closed, after a shutdown of the writing side, when the
    process has ended and its output is drained, when the detach keys are typed (terminals only) or when the client
    hangs up; a failed call closes it without that shutdown, so that a caller who has a duplicate can say why.

    Without ``Stdio.open_stdin`` the process reads /dev/null. With it, it reads a pipe. When the input of an attached
    client with ``stdin`` ends, the pipe is closed for good if ``stdin_once`` (and no terminal), and the client goes
    on to get output; otherwise the pipe stays open, and the client's attachment ends, as Docker has it. Attachments
    end when the runtime itself is killed; containers, their logs and their execs do not.

Example
    ::

        driver = await NativeDriver.connect(ExecRoot(Path("/run/corral")), events)
        request = CreateRequest(id, driver.bundle(id), spec, rootfs, Stdio(log=LogFile(path)))
        state = await driver.run(request)                 # state.pid, state.started_at
        pid = await driver.exec(id, exec_id, Process(args=("id",)), Stdio(), (Attachment(fd, stdout=True),))
        await driver.kill(id, signal.SIGTERM)
        ...                                               # events.container_exited(id, Exit(143, ...))
        await driver.delete(id)

Errors
    NotFound for ids that are not known, Conflict for a state that forbids the operation (an id that exists, a
    container that is not running), Invalid, Unavailable when the supervisor does not answer, StartError, Internal.
    Messages that a user sees as they are have Docker's wording.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from corral.errors import CorralError
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import ConsoleSize, Process, Resources, Spec

if TYPE_CHECKING:  # the supervisor imports this module without it
    from collections.abc import Sequence
    from pathlib import Path

    from corral.oci.idmaps import Owner

__all__ = [
    "Attachment",
    "ContainerState",
    "CreateRequest",
    "Driver",
    "Events",
    "ExecState",
    "Exit",
    "LogFile",
    "RuntimeBinary",
    "StartError",
    "Status",
    "Stdio",
]


class Status(enum.Enum):
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


class StartError(CorralError):
    """The user's program could not be executed.

    ``exit_code`` is 127 when it was not found, 126 when it may not be or cannot be executed, 125 for all else. The
    message is what runc says, such as ``exec: "foo": executable file not found in $PATH``. ``early``: Docker would
    have found it out before it asks a runtime for anything, and says it as it is.
    """

    kind = "start"

    def __init__(self, message: str, exit_code: int, *, early: bool = False) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.early = early


@dataclass(frozen=True, slots=True)
class LogFile:
    """A json-file log. ``path``: the file that is written; older ones are ``path.1`` and so on, with ``.gz`` if
    ``compress``.

    ``max_size``: bytes after which a new file is begun, 0 for never; ``max_files``: how many there are at most, the
    current one included.
    """

    path: str
    max_size: int = 0
    max_files: int = 1
    compress: bool = False


@dataclass(frozen=True, slots=True)
class Stdio:
    """What a process's standard streams are; see "Streams" in the module's manual."""

    terminal: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    log: LogFile | None = None
    console_size: ConsoleSize | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """``fd``: a connected stream socket; which streams go through it; and what to detach on.

    Output is framed as Docker multiplexes it (eight bytes: stream number, three zeros, big-endian length), unless the
    process has a terminal, whose bytes are passed as they are. ``detach_keys``: the bytes to be typed in sequence,
    empty for none. ``initial_input``: what was already read from ``fd`` by its former owner.
    """

    fd: int
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    detach_keys: bytes = b""
    initial_input: bytes = b""


@dataclass(frozen=True, slots=True)
class RuntimeBinary:
    """Another program that makes containers. ``path``: looked for in PATH when it has no slash; ``args``: put before
    the command ("--debug")."""

    path: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """``bundle``: EXEC-ROOT/containers/ID, made by the driver. ``runtime``: None for the driver's own."""

    id: str
    bundle: Path
    spec: Spec
    rootfs: tuple[RootfsMount, ...] = ()
    stdio: Stdio = Stdio()
    attachments: tuple[Attachment, ...] = ()
    runtime: RuntimeBinary | None = None


@dataclass(frozen=True, slots=True)
class Exit:
    """``code``: 0-255, 128 + N for signal N, None when nobody can know; ``at`` in nanoseconds since the epoch."""

    code: int | None
    at: int
    oom_killed: bool = False


@dataclass(frozen=True, slots=True)
class ExecState:
    """``pid`` as the host sees it; ``started_at`` in nanoseconds since the epoch; ``exit`` None while it runs."""

    exec_id: str
    pid: int
    started_at: int
    exit: Exit | None = None


@dataclass(frozen=True, slots=True)
class ContainerState:
    """``started_at`` is 0 until the container is started.

    ``execs``: running ones, and ended ones that nobody was told about.
    """

    id: str
    pid: int
    status: Status
    started_at: int = 0
    exit: Exit | None = None
    execs: tuple[ExecState, ...] = ()


class Events(Protocol):
    """What the driver tells the engine. Called on the event loop, each at most once per fact; must not block."""

    def container_exited(self, id: str, exit: Exit) -> None: ...

    def exec_exited(self, id: str, exec_id: str, exit: Exit) -> None: ...

    def oom(self, id: str, limit: str = "") -> None:
        """The kernel killed a process of the container, not necessarily the first one, for want of memory.

        ``limit``: which one was hit: "container", "host" or the path of another cgroup; "" when it is not known.
        """

    def detached(self, id: str, exec_id: str | None) -> None:
        """The detach keys were typed into an attachment."""


class Driver(Protocol):
    """Create, run, watch and remove containers; see the manual above.

    All methods may raise the errors that it names.
    """

    name: str

    async def create(self, request: CreateRequest) -> ContainerState:
        """Everything but the execve. Raises Conflict when the id is in use, StartError when set-up fails."""

    async def start(self, id: str) -> ContainerState:
        """Let a CREATED container go. Raises StartError, and then the container is gone."""

    async def run(self, request: CreateRequest) -> ContainerState:
        """``create`` and ``start`` in one round trip: the hot path."""

    async def exec(
        self,
        id: str,
        exec_id: str,
        process: Process,
        stdio: Stdio,
        attachments: Sequence[Attachment] = (),
        privileged: bool = False,
    ) -> int:
        """Run one more process in a RUNNING container; returns its host pid.

        ``stdio.log`` is not used. Raises StartError.
        """

    async def attach(self, id: str, exec_id: str | None, attachment: Attachment) -> None:
        """Attach to a container, or to one of its execs, that has not ended.

        Returns when the streams are connected.
        """

    async def kill(self, id: str, signal: int, *, all: bool = False) -> None:
        """Signal the first process, or with ``all`` every process of the container.

        Raises Conflict if it has ended.
        """

    async def kill_exec(self, id: str, exec_id: str, signal: int) -> None: ...

    async def pause(self, id: str) -> None: ...

    async def resume(self, id: str) -> None: ...

    async def resize(self, id: str, exec_id: str | None, height: int, width: int) -> None:
        """In characters. Raises Conflict when the process has no terminal."""

    async def update(self, id: str, resources: Resources) -> None:
        """Change the limits that ``resources`` names."""

    async def pids(self, id: str) -> list[int]:
        """Host pids of all processes in the container's cgroup, execs included, ascending."""

    async def list(self) -> list[ContainerState]:
        """All that are known, whoever created them."""

    async def delete(self, id: str) -> None:
        """Kill what is left; remove cgroup and bundle; forget the container. Idempotent."""

    async def sandbox(self, path: Path, owner: Owner | None = None) -> tuple[int, int]:
        """A new network namespace, pinned by a bind mount at ``path`` (which is made and must not exist). For a
        container with a user namespace of its own, that ``owner`` is made and pinned, too.

        Returns descriptors, owned by the caller: the namespace, and a NETLINK_ROUTE socket opened inside it.
        """

    async def close(self) -> None:
        """Disconnect. Containers go on."""
