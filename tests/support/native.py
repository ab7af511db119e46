"""A supervisor of a test's own, and what its driver reports: everything between ``NativeDriver`` and real
containers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Process, Resources
from corral.runtime.cgroups import Hierarchies
from corral.runtime.driver import Attachment, ContainerState, CreateRequest, Exit, LogFile, RuntimeBinary, Stdio
from corral.runtime.native.driver import NativeDriver
from corral.store.layout import ExecRoot
from support import boxes

PATIENCE = 30.0


class Recorder:
    """Implements ``Events``: exits as futures, the rest as lists."""

    def __init__(self) -> None:
        self.exits: dict[str, list[Exit]] = {}
        self.ooms: list[str] = []
        self.detaches: list[tuple[str, str | None]] = []
        self._changed = asyncio.Event()

    def container_exited(self, id: str, exit: Exit) -> None:
        self._note(id, exit)

    def exec_exited(self, id: str, exec_id: str, exit: Exit) -> None:
        self._note(exec_id, exit)

    def oom(self, id: str, limit: str = "") -> None:
        self.ooms.append(id)

    def detached(self, id: str, exec_id: str | None) -> None:
        self.detaches.append((id, exec_id))
        self._changed.set()

    def _note(self, key: str, exit: Exit) -> None:
        self.exits.setdefault(key, []).append(exit)
        self._changed.set()

    async def exit(self, key: str) -> Exit:
        """Of a container or an exec. Another driver may have reported it too, but not another one."""
        await self.until(lambda: key in self.exits)
        assert len(set(self.exits[key])) == 1
        return self.exits[key][0]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


class Client:
    """The other end of an attachment."""

    def __init__(self, *, terminal: bool = False, **options: Any) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.setblocking(False)
        self.terminal = terminal
        self.attachment = Attachment(theirs.detach(), **{"stdout": True, "stderr": True, **options})

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    async def read(self) -> bytes:
        """Everything up to the end."""
        out = bytearray()
        async with asyncio.timeout(PATIENCE):
            while data := await asyncio.get_running_loop().sock_recv(self.socket, 1 << 20):
                out += data
        self.socket.close()
        return bytes(out)

    async def streams(self) -> dict[int, bytes]:
        """Everything up to the end, by stream."""
        data, found = await self.read(), {1: b"", 2: b""}
        while data:
            stream, length = struct.unpack_from(">BxxxL", data)
            found[stream] += data[8 : 8 + length]
            data = data[8 + length :]
        return found

    async def until(self, text: bytes) -> bytes:
        """Up to and with ``text``."""
        out = b""
        async with asyncio.timeout(PATIENCE):
            while text not in out:
                data = await asyncio.get_running_loop().sock_recv(self.socket, 4096)
                assert data, f"stream ended after {out!r}"
                out += data
        return out


class Host:
    """One exec root with its supervisor; containers have a busybox root and are made by ``runtime``."""

    def __init__(self, directory: Path, mark: str, busybox: Path) -> None:
        self.root = ExecRoot(directory / "exec")
        self.rootfs = boxes.make_root(directory / "root", busybox)
        self.directory = directory
        self.parent = f"/{mark}-{secrets.token_hex(3)}"
        self.events = Recorder()
        self.driver: NativeDriver
        self.runtime: RuntimeBinary | None = None

    async def connect(self) -> NativeDriver:
        self.driver = await NativeDriver.connect(self.root, self.events)
        return self.driver

    def request(
        self,
        process: Process | str,
        *clients: Client,
        id: str | None = None,
        log: bool | LogFile = False,
        linux: dict[str, Any] | None = None,
        resources: Resources | None = None,
        **stdio: Any,
    ) -> CreateRequest:
        """``process``: a shell script or a description."""
        id = id or secrets.token_hex(32)
        if isinstance(process, str):
            process = boxes.shell(process)
        process = replace(process, terminal=bool(stdio.get("terminal")))
        details = {"cgroups_path": f"{self.parent}/{id}", "resources": resources, **(linux or {})}
        log_file = LogFile(str(self.log(id))) if log is True else log or None
        return CreateRequest(
            id,
            self.root.bundle(id),
            boxes.spec(process, linux=details),
            (RootfsMount("bind", str(self.rootfs)),),
            Stdio(log=log_file, **stdio),
            tuple(client.attachment for client in clients),
            self.runtime,
        )

    async def run(self, process: Process | str, *clients: Client, **options: Any) -> str:
        """Start a container; returns its id."""
        request = self.request(process, *clients, **options)
        await self.driver.run(request)
        return request.id

    async def exec(self, id: str, script: str, *clients: Client, **stdio: Any) -> str:
        exec_id = secrets.token_hex(32)
        process = replace(boxes.shell(script), terminal=bool(stdio.get("terminal")))
        attachments = tuple(client.attachment for client in clients)
        await self.driver.exec(id, exec_id, process, Stdio(**stdio), attachments)
        return exec_id

    async def state(self, id: str) -> ContainerState:
        return next(state for state in await self.driver.list() if state.id == id)

    def log(self, id: str) -> Path:
        return self.directory / f"{id[:12]}.log"

    def entries(self, id: str) -> list[dict[str, str]]:
        """The log's, rotated files first."""
        log = self.log(id)
        files = sorted(self.directory.glob(f"{log.name}.*"), key=lambda path: -int(path.suffix[1:]))
        return [json.loads(line) for path in (*files, log) for line in path.read_bytes().splitlines()]

    def logged(self, id: str, stream: str | None = None) -> str:
        return "".join(entry["log"] for entry in self.entries(id) if stream in (None, entry["stream"]))

    def faults(self) -> str:
        """What the supervisor complained about."""
        return self.root.supervisor_log.read_text() if self.root.supervisor_log.exists() else ""

    async def close(self) -> None:
        """Leaves nothing behind: containers are deleted, keeper and supervisor killed by their ids."""
        pids = [self.driver.keeper_pid, self.driver.supervisor_pid]
        try:
            for state in await self.driver.list():
                await self.driver.delete(state.id)
            pids = [self.driver.keeper_pid, self.driver.supervisor_pid]
            await self.driver.close()
            await gone(pids[1])
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._remove_cgroups()

    def _remove_cgroups(self) -> None:
        hierarchies = Hierarchies.of_host()
        for hierarchy in (*hierarchies.v1, *([hierarchies.v2] if hierarchies.v2 else [])):
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(hierarchy.mount_point + self.parent)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def gone(pid: int) -> None:
    """Wait until the process has ended."""
    async with asyncio.timeout(PATIENCE):
        while alive(pid):  # noqa: ASYNC110 - nobody can tell
            await asyncio.sleep(0.005)


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nobody can tell
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def host(directory: Path, mark: str, busybox: Path) -> AsyncIterator[Host]:
    host = Host(directory, mark, busybox)
    await host.connect()
    try:
        yield host
    finally:
        await host.close()
