"""What drivers may ask for: one method per operation of ``protocol``, and the request that it answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from corral.errors import Conflict, CorralError, Invalid
from corral.linux.fd import close_all
from corral.oci.runtime import Process as ProcessSpec
from corral.oci.runtime import Resources
from corral.runtime.driver import Attachment, Status
from corral.runtime.supervisor import creation, makers, protocol
from corral.runtime.supervisor.container import Container
from corral.runtime.supervisor.containers import Containers
from corral.runtime.supervisor.description import Traits, read_bundle
from corral.runtime.supervisor.faults import report
from corral.runtime.supervisor.peer import Peer
from corral.runtime.supervisor.process import Process
from corral.runtime.supervisor.protocol import Message
from corral.runtime.supervisor.sandbox import make_owned_sandbox, make_sandbox, make_sandbox_in
from corral.runtime.supervisor.services import Services

_ID: Final = re.compile(r"[0-9a-f]{64}")


class Request:
    """One message of a driver. Its descriptors are closed with the answer, unless ``take_fds`` has handed them on."""

    def __init__(self, peer: Peer, message: Message, fds: list[int]) -> None:
        self.peer = peer
        self.message = message
        self._fds = fds

    def take_fds(self) -> list[int]:
        fds, self._fds = self._fds, []
        return fds

    def attachments(self, data: object) -> tuple[Attachment, ...]:
        """The descriptors are still the request's. Raises Invalid."""
        return protocol.decode_attachments(data, self._fds)

    def id(self, name: str = "id") -> str:
        """Raises Invalid unless it is 64 hexadecimal digits."""
        value = protocol.text(self.message, name)
        if not _ID.fullmatch(value):
            raise Invalid(f"{name}: 64 hexadecimal digits expected")
        return value

    def exec_id(self) -> str | None:
        return None if self.message.get("exec") is None else self.id("exec")

    def answer(self, result: Message, fds: Sequence[int] = ()) -> None:
        self._close()
        self.peer.send({"n": self.message.get("n"), "ok": result}, fds)

    def fail(self, error: BaseException) -> None:
        if not isinstance(error, CorralError):
            report("request failed", error, op=self.message.get("op"))
            if isinstance(error, OSError):
                error = creation.start_error(error)
        self._close()
        self.peer.send({"n": self.message.get("n"), "error": protocol.encode_error(error)})

    def conclude(self, error: CorralError | None, result: Callable[[], Message]) -> None:
        if error is not None:
            self.fail(error)
        else:
            self.answer(result())

    def _close(self) -> None:
        close_all(self.take_fds())


class Operations:
    """``perform`` is the door; each ``_op_`` answers its request, at once or later, or raises."""

    def __init__(
        self,
        services: Services,
        containers: Containers,
        *,
        greet: Callable[[Peer], Message],
        release: Callable[[], None],
    ) -> None:
        """``greet``: a driver has come and wants to be told of events; ``release``: end if there is nothing to do."""
        self._services = services
        self._containers = containers
        self._greet = greet
        self._release = release

    def perform(self, request: Request) -> None:
        """Never raises."""
        try:
            operation = getattr(self, f"_op_{protocol.text(request.message, 'op')}", None)
            if operation is None:
                raise Invalid(f"no such operation: {request.message['op']}")
            operation(request)
        except Exception as error:
            request.fail(error)

    def _op_hello(self, request: Request) -> None:
        if protocol.number(request.message, "version") != protocol.VERSION:
            raise Invalid(f"supervisor speaks version {protocol.VERSION}")
        request.answer(self._greet(request.peer))

    def _op_create(self, request: Request) -> None:
        self._create(request, go=False)

    def _op_run(self, request: Request) -> None:
        self._create(request, go=True)

    def _create(self, request: Request, *, go: bool) -> None:
        id = request.id()
        stdio = protocol.decode_stdio(protocol.mapping(request.message, "stdio"))
        container = self._containers.find(id)
        if container is not None:
            if not protocol.flag(request.message, "again"):
                raise Conflict(f"container {id} exists already")
            known = container
            self._join(request, known, known.init, lambda: protocol.encode_state(known.state()), go=go)
            return
        attachments = request.attachments(request.message.get("attachments", []))
        try:
            spec, rootfs = read_bundle(f"{self._services.bundles}/{id}")
            runtime = request.message.get("runtime")
            if runtime is not None:
                runtime = protocol.decode_runtime(protocol.mapping(request.message, "runtime"))
            made = self._containers.new(id, Traits.of(spec, runtime), stdio)
        except (OSError, CorralError):
            creation.remove_leftovers(self._services, id)
            raise
        request.take_fds()
        makers.create_of(runtime)(
            self._services,
            made,
            spec,
            rootfs,
            attachments,
            go=go,
            outcome=lambda error: request.conclude(error, lambda: protocol.encode_state(made.state())),
        )

    def _join(
        self, request: Request, container: Container, process: Process, result: Callable[[], Message], *, go: bool
    ) -> None:
        """A request that a dead supervisor had begun with: its attachments died with it, the process did not."""
        attachments = request.attachments(request.message.get("attachments", []))
        request.take_fds()
        for attachment in attachments:
            process.attach(replace(attachment, initial_input=b""))
        start = container.starts.get(process.name)
        if start is None or not go:
            request.answer(result())
        else:
            start.release(lambda error: request.conclude(error, result))

    def _op_start(self, request: Request) -> None:
        container = self._container(request)
        start = container.starts.get(container.id)
        if start is None or container.status is not Status.CREATED:
            raise Conflict(f"container {container.id} is {container.status.value}")
        start.release(lambda error: request.conclude(error, lambda: protocol.encode_state(container.state())))

    def _op_exec(self, request: Request) -> None:
        container = self._container(request)
        exec_id = request.id("exec")
        stdio = protocol.decode_stdio(protocol.mapping(request.message, "stdio"))
        try:
            process = ProcessSpec.from_json(protocol.mapping(request.message, "process"))
        except ValueError as error:
            raise Invalid(str(error)) from error
        if exec_id in container.execs:
            if not protocol.flag(request.message, "again"):
                raise Conflict(f"exec {exec_id} exists already")
            known = container.execs[exec_id]
            self._join(request, container, known, lambda: {"pid": known.pid}, go=True)
            return
        if container.status is not Status.RUNNING or container.init.ended:
            raise Conflict(f"container {container.id} is not running")
        attachments = request.attachments(request.message.get("attachments", []))
        request.take_fds()
        makers.execute_of(container.traits.runtime)(
            self._services,
            container,
            exec_id,
            process,
            stdio,
            attachments,
            lambda error: request.conclude(error, lambda: {"pid": container.process(exec_id).pid}),
        )

    def _op_attach(self, request: Request) -> None:
        container = self._container(request)
        exec_id = request.exec_id()
        (attachment,) = request.attachments([request.message.get("attachment")])
        container.attach(exec_id, attachment)
        request.take_fds()
        request.answer({})

    def _op_kill(self, request: Request) -> None:
        number = protocol.number(request.message, "signal")
        everybody = protocol.flag(request.message, "all")
        self._container(request).kill(request.exec_id(), number, everybody=everybody)
        request.answer({})

    def _op_pause(self, request: Request) -> None:
        self._container(request).pause()
        request.answer({})

    def _op_resume(self, request: Request) -> None:
        self._container(request).resume()
        request.answer({})

    def _op_resize(self, request: Request) -> None:
        process = self._container(request).process(request.exec_id())
        process.resize(protocol.number(request.message, "height"), protocol.number(request.message, "width"))
        request.answer({})

    def _op_update(self, request: Request) -> None:
        try:
            resources = Resources.from_json(protocol.mapping(request.message, "resources"))
        except ValueError as error:
            raise Invalid(str(error)) from error
        for warning in self._container(request).update(resources):
            report("warning", process=request.id(), message=warning)
        request.answer({})

    def _op_pids(self, request: Request) -> None:
        request.answer({"pids": self._container(request).pids()})

    def _op_list(self, request: Request) -> None:
        request.answer({"containers": [protocol.encode_state(container.state()) for container in self._containers]})

    def _op_delete(self, request: Request) -> None:
        id = request.id()
        container = self._containers.find(id)
        if container is None:
            # What a creation left behind that was cut short.
            creation.remove_leftovers(self._services, id)
            request.answer({})
            return
        container.delete(lambda error: request.conclude(error, dict))

    def _op_sandbox(self, request: Request) -> None:
        path = protocol.text(request.message, "path")
        owner = protocol.optional_text(request.message, "owner")
        if owner is None:
            fds = make_sandbox(path)
        elif request.message.get("maps") is None:
            fds = make_sandbox_in(owner, path)
        else:
            fds = make_owned_sandbox(path, owner, protocol.decode_maps(protocol.mapping(request.message, "maps")))
        request.answer({}, fds)
        close_all(fds)

    def _op_release(self, request: Request) -> None:
        request.answer({})
        self._release()

    def _container(self, request: Request) -> Container:
        return self._containers.get(request.id())
