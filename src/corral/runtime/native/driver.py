"""The native driver: every operation is a message to the supervisor; deaths of the supervisor are bridged.

When the connection breaks it is made again at once (the next supervisor is there a millisecond later), if need be by
starting keeper and supervisor anew with the descriptors that were kept here. A request that was under way is asked
again; that is harmless for all but those that create something, which say so (``protocol``: again).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from corral.errors import Conflict, Unavailable
from corral.linux.fd import close_all
from corral.oci.idmaps import Owner
from corral.oci.runtime import Capabilities, Process, Resources
from corral.runtime.driver import (
    Attachment,
    ContainerState,
    CreateRequest,
    Events,
    Exit,
    Status,
    Stdio,
)
from corral.runtime.native.bundle import write_bundle
from corral.runtime.native.launch import launch
from corral.runtime.native.link import Answer, Link
from corral.runtime.security import capabilities
from corral.runtime.supervisor import protocol
from corral.runtime.supervisor.kept import Kept
from corral.runtime.supervisor.protocol import Message
from corral.store.layout import ExecRoot

_ATTEMPTS: Final = 200
_PAUSE: Final = 0.005
_RETRIES: Final = 20


class NativeDriver:
    """See ``runtime.driver.Driver``. Made by ``connect``."""

    name = "native"

    def __init__(self, root: ExecRoot, events: Events) -> None:
        self._root = root
        self._events = events
        self._kept = Kept()
        self._link: Link | None = None
        self._closed = False
        self._connecting: asyncio.Task[None] | None = None
        self._told: dict[str, set[str | None]] = {}
        self.supervisor_pid = 0
        self.keeper_pid = 0

    @classmethod
    async def connect(cls, root: ExecRoot, events: Events) -> NativeDriver:
        """Start the supervisor if there is none. Exits that are known are reported soon after this has returned.

        Raises Unavailable.
        """
        driver = cls(root, events)
        await driver._connect()
        return driver

    def bundle(self, id: str) -> Path:
        return self._root.bundle(id)

    # Driver

    async def create(self, request: CreateRequest) -> ContainerState:
        return await self._make(request, "create")

    async def start(self, id: str) -> ContainerState:
        try:
            answer, _ = await self._ask({"op": "start", "id": id})
            return protocol.decode_state(answer)
        except Conflict:
            # Asked again, of the successor of the one that did it?
            state = next((state for state in await self.list() if state.id == id), None)
            if state is None or state.status is not Status.RUNNING:
                raise
            return state

    async def run(self, request: CreateRequest) -> ContainerState:
        return await self._make(request, "run")

    async def exec(
        self,
        id: str,
        exec_id: str,
        process: Process,
        stdio: Stdio,
        attachments: Sequence[Attachment] = (),
        privileged: bool = False,
    ) -> int:
        if privileged:
            process = dataclasses.replace(process, capabilities=_all_capabilities())
        message = {
            "op": "exec",
            "id": id,
            "exec": exec_id,
            "process": process.to_json(),
            "stdio": protocol.encode_stdio(stdio),
            "attachments": protocol.encode_attachments(attachments),
        }
        self._told.setdefault(id, set()).discard(exec_id)
        return protocol.number(await self._create(message, attachments), "pid")

    async def attach(self, id: str, exec_id: str | None, attachment: Attachment) -> None:
        (encoded,) = protocol.encode_attachments([attachment])
        try:
            await self._ask({"op": "attach", "id": id, "exec": exec_id, "attachment": encoded}, [attachment.fd])
        finally:
            os.close(attachment.fd)

    async def kill(self, id: str, signal: int, *, all: bool = False) -> None:
        await self._ask({"op": "kill", "id": id, "signal": int(signal), "all": all})

    async def kill_exec(self, id: str, exec_id: str, signal: int) -> None:
        await self._ask({"op": "kill", "id": id, "exec": exec_id, "signal": int(signal)})

    async def pause(self, id: str) -> None:
        await self._ask({"op": "pause", "id": id})

    async def resume(self, id: str) -> None:
        await self._ask({"op": "resume", "id": id})

    async def resize(self, id: str, exec_id: str | None, height: int, width: int) -> None:
        await self._ask({"op": "resize", "id": id, "exec": exec_id, "height": height, "width": width})

    async def update(self, id: str, resources: Resources) -> None:
        await self._ask({"op": "update", "id": id, "resources": resources.to_json()})

    async def pids(self, id: str) -> list[int]:
        answer, _ = await self._ask({"op": "pids", "id": id})
        return [int(pid) for pid in answer["pids"]]

    async def list(self) -> list[ContainerState]:
        answer, _ = await self._ask({"op": "list"})
        return [protocol.decode_state(item) for item in answer["containers"]]

    async def delete(self, id: str) -> None:
        await self._ask({"op": "delete", "id": id})
        self._told.pop(id, None)

    async def sandbox(self, path: Path, owner: Owner | None = None) -> tuple[int, int]:
        message: Message = {"op": "sandbox", "path": str(path)}
        if owner is not None:
            message["owner"] = str(owner.path)
            if owner.maps is not None:
                message["maps"] = protocol.encode_maps(owner.maps)
        _, fds = await self._ask(message)
        namespace, netlink = fds
        return namespace, netlink

    async def close(self) -> None:
        """Containers go on; a supervisor that has none ends."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._link is not None and not self._link.closed:
            with contextlib.suppress(Unavailable):
                await self._link.ask({"op": "release"})
            self._link.close()
        self._kept.close()

    # Creating, exactly once although a supervisor may die in the middle

    async def _make(self, request: CreateRequest, operation: str) -> ContainerState:
        message = {
            "op": operation,
            "id": request.id,
            "stdio": protocol.encode_stdio(request.stdio),
            "attachments": protocol.encode_attachments(request.attachments),
        }
        if request.runtime is not None:
            message["runtime"] = protocol.encode_runtime(request.runtime)
        self._told.pop(request.id, None)
        write_bundle(request)
        return protocol.decode_state(await self._create(message, request.attachments))

    async def _create(self, message: Message, attachments: Sequence[Attachment]) -> Message:
        """Ask, and ask again if the supervisor dies. Takes the attachments' descriptors over."""
        fds = [attachment.fd for attachment in attachments]
        try:
            for attempt in range(_RETRIES):
                link = await self._linked()
                try:
                    return (await link.ask({**message, "again": attempt > 0}, fds))[0]
                except Unavailable:
                    if not link.closed:  # it is the supervisor that says so
                        raise
            raise Unavailable("supervisor does not answer")
        finally:
            close_all(fds)

    # The connection

    async def _ask(self, message: Message, fds: Sequence[int] = ()) -> Answer:
        """An operation that may be done twice."""
        for _ in range(_RETRIES):
            link = await self._linked()
            try:
                return await link.ask(message, fds)
            except Unavailable:
                if not link.closed:
                    raise
        raise Unavailable("supervisor does not answer")

    async def _linked(self) -> Link:
        """Raises Unavailable."""
        while not self._closed:
            if self._link is not None and not self._link.closed:
                return self._link
            if self._connecting is None or self._connecting.done():
                self._connecting = asyncio.ensure_future(self._connect())
            await asyncio.shield(self._connecting)
        raise Unavailable("driver is closed")

    async def _connect(self) -> None:
        for attempt in range(_ATTEMPTS):
            kept = Kept()
            try:
                link = Link(str(self._root.supervisor_socket), partial(self._notice, kept), self._lost)
            except (ConnectionRefusedError, FileNotFoundError):
                await launch(self._root, self._kept)
                continue
            except OSError as error:
                raise Unavailable(f"{self._root.supervisor_socket}: {error.strerror}") from error
            try:
                answer, _ = await link.ask({"op": "hello", "version": protocol.VERSION})
                self.supervisor_pid, self.keeper_pid = answer["pid"], answer["keeper"]
                states, _ = await link.ask({"op": "list"})
            except Unavailable:  # it died at this moment, or was about to end
                kept.close()
                await asyncio.sleep(_PAUSE * attempt)
                continue
            self._kept.close()
            self._kept, self._link = kept, link
            asyncio.get_running_loop().call_soon(self._replay, states["containers"])
            return
        raise Unavailable("supervisor does not answer")

    def _lost(self) -> None:
        if not self._closed and self._link is not None and self._link.closed:
            self._link = None
            self._connecting = asyncio.ensure_future(self._connect())

    def _replay(self, states: Sequence[Message]) -> None:
        """Exits that happened while nobody was connected."""
        for state in map(protocol.decode_state, states):
            for item in state.execs:
                if item.exit is not None:
                    self._exited(state.id, item.exec_id, item.exit)
            if state.exit is not None:
                self._exited(state.id, None, state.exit)

    def _notice(self, kept: Kept, message: Message, fds: Sequence[int]) -> None:
        """Events wait for their turn, so that who waits for an answer that came before them gets that first."""
        if "event" in message:
            asyncio.get_running_loop().call_soon(self._event, message)
        else:
            kept.receive(message, fds)

    def _event(self, message: Message) -> None:
        if message["event"] == "replaced":
            self.supervisor_pid, self.keeper_pid = message["pid"], message["keeper"]
            return
        id = protocol.text(message, "id")
        match message["event"]:
            case "exit":
                exit = protocol.decode_exit(protocol.mapping(message, "exit"))
                self._exited(id, protocol.optional_text(message, "exec"), exit)
            case "oom":
                self._events.oom(id, protocol.text(message, "limit"))
            case "detached":
                self._events.detached(id, protocol.optional_text(message, "exec"))

    def _exited(self, id: str, exec_id: str | None, exit: Exit) -> None:
        told = self._told.setdefault(id, set())
        if exec_id in told:
            return
        told.add(exec_id)
        if exec_id is None:
            self._events.container_exited(id, exit)
        else:
            self._events.exec_exited(id, exec_id, exit)


def _all_capabilities() -> Capabilities:
    names = capabilities.available()
    return Capabilities(bounding=names, effective=names, permitted=names)
