"""The rooms below the engine, in memory: they do what their Protocols say, note what was asked, and fail on request."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from corral.api.types.container import ContainerCreateRequest, LogsOptions
from corral.api.types.host_config import HostConfig
from corral.api.types.wire import replace as replace_wire
from corral.engine.container.context import Engine
from corral.engine.container.exits import restart_now
from corral.engine.container.live import LiveTable
from corral.engine.container.record import ContainerID
from corral.engine.container.runtime_events import RuntimeEvents
from corral.engine.container.service import ContainerService
from corral.engine.container.settings import Settings
from corral.engine.container.store import ContainerStore
from corral.engine.spec.host import HostFacts
from corral.engine.userns.pool import IDPool
from corral.errors import Conflict, NotFound
from corral.image.record import Image
from corral.network.endpoint import Endpoint
from corral.network.portmap.ports import PortBinding
from corral.network.sandbox import Sandbox, SandboxRequest
from corral.oci.digest import ImageID
from corral.oci.idmaps import IDMaps
from corral.oci.image import ContainerConfig, ImageConfig
from corral.oci.platform import Platform
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Mount, Process, Resources
from corral.runtime.driver import (
    Attachment,
    ContainerState,
    CreateRequest,
    Events,
    Exit,
    Status,
    Stdio,
)
from corral.store.database import Database
from corral.store.layout import DataRoot, ExecRoot
from corral.volume.mount import ContainerMount
from corral.volume.mounts import oci_mounts

SECOND = 1_000_000_000
BUSYBOX = ImageID("sha256:" + "b" * 64)


@dataclass
class Journal:
    """What was called, in order, and what is to fail: by the name of the call."""

    calls: list[str] = field(default_factory=list)
    failures: dict[str, list[BaseException]] = field(default_factory=dict)

    def __call__(self, name: str, detail: object = "") -> None:
        self.calls.append(f"{name} {detail}".rstrip())
        if pending := self.failures.get(name):
            raise pending.pop(0)

    def fail(self, name: str, error: BaseException, times: int = 1) -> None:
        self.failures[name] = [error] * times

    def names(self) -> list[str]:
        return [call.partition(" ")[0] for call in self.calls]


class FakeDriver:
    """Containers that run until they are signalled: any signal in ``deadly`` ends them."""

    name = "fake"

    def __init__(self, journal: Journal, events: Events, clock: Callable[[], int]) -> None:
        self.journal = journal
        self.events = events
        self.clock = clock
        self.deadly = {9, 15}
        self.states: dict[str, ContainerState] = {}
        self.requests: dict[str, CreateRequest] = {}
        self.attached: list[tuple[str, str | None, Attachment]] = []
        self.exec_processes: dict[str, tuple[Process, Stdio]] = {}
        self.updates: list[Resources] = []
        self._pids = itertools.count(100)

    async def create(self, request: CreateRequest) -> ContainerState:
        raise NotImplementedError

    async def start(self, id: str) -> ContainerState:
        raise NotImplementedError

    async def run(self, request: CreateRequest) -> ContainerState:
        for attachment in request.attachments:
            self.attached.append((request.id, None, attachment))
        self.journal("driver.run")
        if request.id in self.states:
            raise Conflict(f"container {request.id} exists")
        self.requests[request.id] = request
        state = ContainerState(request.id, next(self._pids), Status.RUNNING, self.clock())
        self.states[request.id] = state
        return state

    async def exec(
        self,
        id: str,
        exec_id: str,
        process: Process,
        stdio: Stdio,
        attachments: Sequence[Attachment] = (),
        privileged: bool = False,
    ) -> int:
        for attachment in attachments:
            os.close(attachment.fd)
        self.journal("driver.exec")
        self.exec_processes[exec_id] = (process, stdio)
        return next(self._pids)

    async def attach(self, id: str, exec_id: str | None, attachment: Attachment) -> None:
        self.journal("driver.attach")
        self.attached.append((id, exec_id, attachment))

    async def kill(self, id: str, signal: int, *, all: bool = False) -> None:
        self.journal("driver.kill", signal)
        state = self._running(id)
        if (signal in self.deadly and state.status is not Status.PAUSED) or signal == 9:
            self.end(id, 128 + signal)

    async def kill_exec(self, id: str, exec_id: str, signal: int) -> None:
        raise NotImplementedError

    async def pause(self, id: str) -> None:
        self.journal("driver.pause")
        self.states[id] = replace(self._running(id), status=Status.PAUSED)

    async def resume(self, id: str) -> None:
        self.journal("driver.resume")
        self.states[id] = replace(self._running(id), status=Status.RUNNING)

    async def resize(self, id: str, exec_id: str | None, height: int, width: int) -> None:
        self.journal("driver.resize", f"{height}x{width}")

    async def update(self, id: str, resources: Resources) -> None:
        self.journal("driver.update")
        self.updates.append(resources)

    async def pids(self, id: str) -> list[int]:
        return [self._running(id).pid]

    async def list(self) -> list[ContainerState]:
        return list(self.states.values())

    async def delete(self, id: str) -> None:
        self.journal("driver.delete")
        self.states.pop(id, None)

    async def sandbox(self, path: Path) -> tuple[int, int]:
        raise NotImplementedError

    async def close(self) -> None: ...

    def end(self, id: str, code: int | None, *, tell: bool = True) -> None:
        """The container's process ends."""
        exit = Exit(code, self.clock())
        self.states[id] = replace(self.states[id], status=Status.STOPPED, exit=exit)
        if tell:
            self.events.container_exited(id, exit)

    def end_exec(self, id: str, exec_id: str, code: int) -> None:
        self.events.exec_exited(id, exec_id, Exit(code, self.clock()))

    def _running(self, id: str) -> ContainerState:
        state = self.states.get(id)
        if state is None:
            raise NotFound(f"no container {id}")
        if state.status is Status.STOPPED:
            raise Conflict(f"container {id} is not running")
        return state


class FakeImages:
    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.layers: set[str] = set()
        self.config = ContainerConfig(env=["PATH=/bin"], cmd=["sh"])

    def resolve(self, ref: str, platform: Platform | None = None) -> Image:
        if ref not in ("busybox", "busybox:latest", BUSYBOX):
            raise NotFound(f"No such image: {ref}:latest")
        return Image(BUSYBOX, ImageConfig(architecture="amd64", os="linux", config=self.config), None, 1000, 0)

    async def create_rw_layer(
        self, container_id: str, image: ImageID | None, storage_opt: Mapping[str, str] | None
    ) -> None:
        self.journal("images.create_rw_layer")
        self.layers.add(container_id)

    def rootfs(self, container_id: str) -> tuple[RootfsMount, ...]:
        self.journal("images.rootfs")
        return (RootfsMount("bind", "/rootfs"),)

    def rest(self, container_id: str) -> None:
        """Nothing was mounted."""

    async def remove_rw_layer(self, container_id: str) -> None:
        self.journal("images.remove_rw_layer")
        self.layers.discard(container_id)

    async def usage(self, container_id: str) -> tuple[int, int]:
        return 10, 1010

    def rw_containers(self) -> set[str]:
        return set(self.layers)

    def rw_metadata(self, container_id: str) -> dict[str, str]:
        return {"UpperDir": "/upper"}

    def descendants(self, image: ImageID) -> set[ImageID]:
        return set()


class FakeNetworks:
    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.live: dict[str, SandboxRequest] = {}
        self.sandboxes: dict[str, Sandbox] = {}

    async def allocate(self, request: SandboxRequest) -> Sandbox:
        self.journal("networks.allocate", request.mode)
        self.live[request.container_id] = request
        if request.mode == "none":
            return Sandbox(request.container_id, "f" * 64, None)
        endpoint = Endpoint("n" * 64, request.mode, "e" * 64, ip="172.17.0.2", prefix_len=16, gateway="172.17.0.1")
        ports = tuple(
            PortBinding(port.proto, port.container_port, port.host_ip or "0.0.0.0", (port.host_port or (32768, 0))[0])
            for port in request.ports
        )
        sandbox = Sandbox(request.container_id, "f" * 64, Path("/run/netns/x"), (endpoint,), ports)
        self.sandboxes[request.container_id] = sandbox
        return sandbox

    def sandbox(self, container_id: str) -> Sandbox | None:
        return self.sandboxes.get(container_id)

    async def release(self, container_id: str) -> None:
        self.journal("networks.release")
        self.live.pop(container_id, None)

    async def restore(self, live: Collection[str]) -> None:
        self.journal("networks.restore", len(live))


class FakeVolumes:
    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.references: dict[str, tuple[ContainerMount, ...]] = {}

    async def attach(self, container_id: str, planned: Sequence[ContainerMount]) -> tuple[ContainerMount, ...]:
        self.journal("volumes.attach")
        self.references[container_id] = tuple(planned)
        return tuple(planned)

    async def mount(self, container_id: str, *, first_start: bool, maps: IDMaps | None = None) -> tuple[Mount, ...]:
        self.journal("volumes.mount")
        return oci_mounts(self.references[container_id], first_start=first_start)

    async def unmount(self, container_id: str) -> None:
        self.journal("volumes.unmount")

    async def detach(self, container_id: str, *, anonymous: bool) -> None:
        self.journal("volumes.detach", f"anonymous={anonymous}")
        self.references.pop(container_id, None)

    async def restore(self, known: Collection[str], running: Collection[str]) -> None:
        self.journal("volumes.restore", len(running))


class FakeLogs:
    async def read(
        self, path: Path, options: LogsOptions, ended: Callable[[], bool]
    ) -> AsyncIterator[tuple[int, bytes]]:
        yield 1, b"hello\n"


class FakeFilters:
    def annotations(self, profile: str | None, capabilities: tuple[str, ...]) -> dict[str, str]:
        return {"filter": profile or "default"}


@dataclass
class World:
    """An engine over fakes, and everything to look at afterwards."""

    engine: Engine
    service: ContainerService
    driver: FakeDriver
    images: FakeImages
    networks: FakeNetworks
    volumes: FakeVolumes
    journal: Journal
    runtime_events: RuntimeEvents
    database: Database
    news: list[tuple[str, str, dict[str, str]]]
    now: list[int]

    def actions(self) -> list[str]:
        return [action for _, action, _ in self.news]

    def attributes(self, action: str) -> dict[str, str]:
        return next(attributes for _, name, attributes in self.news if name == action)

    def advance(self, seconds: float) -> None:
        self.now[0] += int(seconds * SECOND)

    async def end_back_off(self, id: str) -> None:
        """What comes after the wait for a restart by policy, without the wait."""
        live = self.engine.live[ContainerID(id)]
        assert live.restart is not None
        live.restart.cancel()
        await restart_now(self.engine, ContainerID(id))

    async def create(self, name: str | None = None, **fields: object) -> str:
        response = await self.service.create(name, create_request(**fields), None)
        return response.id

    async def run(self, name: str | None = None, **fields: object) -> str:
        id = await self.create(name, **fields)
        await self.service.start(id)
        return id


def create_request(**fields: object) -> ContainerCreateRequest:
    """Fields of Config and HostConfig by name; the command is "sleep 9" unless given."""
    of_host = {name: value for name, value in fields.items() if name in HostConfig.__struct_fields__}
    rest = {name: value for name, value in fields.items() if name not in of_host}
    request = ContainerCreateRequest(image="busybox", cmd=["sleep", "9"])
    return replace_wire(request, host_config=HostConfig(**of_host), **rest)  # type: ignore[arg-type]


def build_world(root: Path, settings: Settings | None = None, host: HostFacts | None = None) -> World:
    data, execution = DataRoot(root / "data"), ExecRoot(root / "run")
    data.containers.mkdir(parents=True, exist_ok=True)
    data.trash.mkdir(parents=True, exist_ok=True)
    database = Database(data.database)
    journal = Journal()
    runtime_events = RuntimeEvents()
    now = [1_700_000_000 * SECOND]

    def clock() -> int:
        now[0] += 1000
        return now[0]

    driver = FakeDriver(journal, runtime_events, clock)
    images, networks, volumes = FakeImages(journal), FakeNetworks(journal), FakeVolumes(journal)
    news: list[tuple[str, str, dict[str, str]]] = []
    store = ContainerStore(database)
    engine = Engine(
        data=data,
        exec=execution,
        store=store,
        live=LiveTable(),
        driver=driver,
        images=images,
        networks=networks,
        volumes=volumes,
        logs=FakeLogs(),
        filters=FakeFilters(),
        emit=lambda kind, action, id, attributes: news.append((kind, action, dict(attributes))),
        settings=settings or Settings(),
        host=host or HostFacts(hostname="machine", cpus=2, online_cpus="0-1"),
        ids=IDPool(lambda: [record.id_maps for record in store if record.id_maps is not None]),
        clock=clock,
    )
    runtime_events.deliver_to(engine)
    service = ContainerService(engine)
    return World(engine, service, driver, images, networks, volumes, journal, runtime_events, database, news, now)
