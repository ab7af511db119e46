"""What the verbs work with: one frozen bundle of stores, drivers and services, without logic.

The Protocols are all that containers need of the rooms below; their services satisfy them structurally.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from corral.api.types.container import LogsOptions
from corral.engine.cdi.registry import Registry
from corral.engine.container.live import LiveTable
from corral.engine.container.settings import Settings
from corral.engine.container.store import ContainerStore
from corral.engine.spec.host import HostFacts
from corral.engine.stats.feed import Feeds
from corral.engine.stats.reader import Reader
from corral.engine.userns.pool import IDPool
from corral.image.committing import CommitRequest
from corral.image.record import Image
from corral.network.sandbox import Sandbox, SandboxRequest
from corral.oci.digest import ImageID
from corral.oci.idmaps import IDMaps
from corral.oci.platform import Platform
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Mount, Seccomp
from corral.runtime.driver import Driver
from corral.store.layout import DataRoot, ExecRoot
from corral.volume.mount import ContainerMount

__all__ = ["Emit", "Engine", "Filters", "Images", "Logs", "Networks", "Upgrade", "Volumes"]

Emit = Callable[[str, str, str, Mapping[str, str]], None]
"""``emit(type, action, actor_id, attributes)``: never blocks."""

Upgrade = Callable[[bool], Awaitable[tuple[int, bytes]]]
"""Takes the client's connection over; the argument says whether output will be multiplexed. Returns the socket and
what was read from it already."""


class Images(Protocol):
    def resolve(self, ref: str, platform: Platform | None = None) -> Image: ...
    async def create_rw_layer(
        self, container_id: str, image: ImageID | None, storage_opt: Mapping[str, str] | None
    ) -> None: ...
    def rootfs(self, container_id: str) -> tuple[RootfsMount, ...]: ...
    async def commit(self, request: CommitRequest) -> ImageID: ...
    async def changes(self, container_id: str) -> Sequence[tuple[int, str]]: ...
    def rest(self, container_id: str) -> None: ...
    async def remove_rw_layer(self, container_id: str) -> None: ...
    async def usage(self, container_id: str) -> tuple[int, int]: ...
    def rw_metadata(self, container_id: str) -> dict[str, str]: ...
    def rw_containers(self) -> set[str]: ...
    def descendants(self, image: ImageID) -> set[ImageID]: ...


class Networks(Protocol):
    async def allocate(self, request: SandboxRequest) -> Sandbox: ...
    async def release(self, container_id: str) -> None: ...
    def sandbox(self, container_id: str) -> Sandbox | None: ...
    async def restore(self, live: Collection[str]) -> None: ...


class Volumes(Protocol):
    """``attach`` when a container is created, ``mount`` and ``unmount`` around each run, ``detach`` at its removal."""

    async def attach(self, container_id: str, planned: Sequence[ContainerMount]) -> tuple[ContainerMount, ...]: ...
    async def mount(self, container_id: str, *, first_start: bool, maps: IDMaps | None = None) -> tuple[Mount, ...]: ...
    async def unmount(self, container_id: str) -> None: ...
    async def detach(self, container_id: str, *, anonymous: bool) -> None: ...
    async def restore(self, known: Collection[str], running: Collection[str]) -> None: ...


class Logs(Protocol):
    """Reads json-file logs; follows them until ``ended`` says that nothing more will come."""

    def read(self, path: Path, options: LogsOptions, ended: Callable[[], bool]) -> AsyncIterator[tuple[int, bytes]]: ...


class Filters(Protocol):
    """System call filters by profile (None: the engine's default) and capabilities: compiled ones, as annotations for
    our own runtime, and their description for others. Raises Invalid for a malformed profile.
    """

    def annotations(self, profile: str | None, capabilities: tuple[str, ...]) -> dict[str, str]: ...
    def description(self, profile: str | None, capabilities: tuple[str, ...]) -> Seccomp | None: ...


@dataclass(slots=True, eq=False)
class Engine:
    """Only ``settings`` are ever replaced.

    ``storage_driver``: the name of the graph driver. ``ids``: for user namespaces of single containers.

    ``clock``: nanoseconds since the epoch.
    """

    data: DataRoot
    exec: ExecRoot
    store: ContainerStore
    live: LiveTable
    driver: Driver
    images: Images
    networks: Networks
    volumes: Volumes
    logs: Logs
    filters: Filters
    emit: Emit
    settings: Settings
    host: HostFacts
    ids: IDPool
    clock: Callable[[], int]
    storage_driver: str = "overlay2"
    stats_reader: Reader = field(default_factory=Reader)
    feeds: Feeds = field(default_factory=Feeds)
    devices: Registry = field(default_factory=Registry)
