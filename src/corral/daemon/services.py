"""The composition root: stores, then drivers, then services, then routers. Nothing here decides anything."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import Iterable
from functools import partial

from corral.api.server.app import App
from corral.api.server.router import Route
from corral.api.server.routers.cgroups import CgroupRouter
from corral.api.server.routers.container_files import ContainerFileRouter
from corral.api.server.routers.container_io import ContainerIORouter
from corral.api.server.routers.containers import ContainerRouter
from corral.api.server.routers.distribution import DistributionRouter
from corral.api.server.routers.events import EventRouter
from corral.api.server.routers.exec import ExecRouter
from corral.api.server.routers.images import ImageRouter
from corral.api.server.routers.networks import NetworkRouter
from corral.api.server.routers.plugins import PluginRouter
from corral.api.server.routers.stats import StatsRouter
from corral.api.server.routers.system import SystemRouter
from corral.api.server.routers.volumes import VolumeRouter
from corral.daemon.config import DaemonConfig
from corral.daemon.runtimes import known_runtimes
from corral.daemon.security_modules import with_security_modules
from corral.daemon.translate import (
    cdi_directories,
    container_settings,
    image_settings,
    network_config,
    system_settings,
    transfer_settings,
)
from corral.engine.cdi.registry import Registry
from corral.engine.container.context import Engine
from corral.engine.container.live import LiveTable
from corral.engine.container.record import ContainerID
from corral.engine.container.restore import apply_restart_policies, restore
from corral.engine.container.runtime_events import RuntimeEvents
from corral.engine.container.service import ContainerService
from corral.engine.container.store import ContainerStore
from corral.engine.events import EventService
from corral.engine.logger.reader import LogReader
from corral.engine.spec.host import HostFacts
from corral.engine.system import SystemService
from corral.engine.system.cgroups import CgroupService
from corral.engine.userns.pool import IDPool
from corral.errors import CorralError
from corral.image.distribution.service import DistributionService
from corral.image.drivers import prior
from corral.image.graphdriver.choose import choose
from corral.image.record import ImageUse
from corral.image.service import ImageService
from corral.network.controller import NetworkService
from corral.oci.digest import ImageID
from corral.runtime.native.driver import NativeDriver
from corral.runtime.security.seccomp.cache import FilterCache
from corral.store.database import Database
from corral.store.layout import DataRoot, ExecRoot
from corral.volume.service import VolumeService

__all__ = ["Services"]

log = logging.getLogger(__name__)


class Services:
    """Everything that runs, wired. Whatever was started ends, in reverse order, with the stack given to `start`."""

    def __init__(
        self,
        engine: Engine,
        events: EventService,
        containers: ContainerService,
        images: ImageService,
        distribution: DistributionService,
        networks: NetworkService,
        volumes: VolumeService,
        system: SystemService,
    ) -> None:
        self._engine = engine
        self._events = events
        self._containers = containers
        self._images = images
        self._distribution = distribution
        self._networks = networks
        self._volumes = volumes
        self._system = system

    @classmethod
    async def start(
        cls, config: DaemonConfig, data: DataRoot, execution: ExecRoot, stack: contextlib.AsyncExitStack
    ) -> Services:
        """Raises CorralError when a part cannot work on this machine."""
        news = RuntimeEvents()
        connecting = asyncio.create_task(NativeDriver.connect(execution, news))
        try:
            database = Database(data.database)
            stack.callback(database.close)
            events = EventService(database)
            stack.push_async_callback(events.close)
            store = ContainerStore(database)
            graph = choose(data, config.storage_driver or prior(database), config.storage_opts)
            images = ImageService(
                data,
                database,
                graph,
                partial(events.emit, "image"),
                lambda image: _uses(store, image),
                settings=image_settings(config),
            )
            stack.callback(images.close)
            await images.start()
            distribution = DistributionService(
                images.images, transfer_settings(config), partial(events.emit, "image"), images.collector.run
            )
            stack.push_async_callback(distribution.close)
            volumes = VolumeService(data, database, partial(events.emit, "volume"))
            stack.push_async_callback(volumes.close)
        except BaseException:
            connecting.cancel()
            raise
        driver = await connecting
        stack.push_async_callback(driver.close)
        networks = NetworkService(
            execution, database, network_config(config), driver.sandbox, partial(events.emit, "network")
        )
        stack.push_async_callback(networks.close)
        await networks.start()  # before the look at the host: it switches forwarding on
        host = await with_security_modules(HostFacts.discover(), config, execution)
        devices = Registry(cdi_directories(config))
        engine = Engine(
            data=data,
            exec=execution,
            store=store,
            live=LiveTable(),
            driver=driver,
            images=images,
            networks=networks,
            volumes=volumes,
            logs=LogReader(),
            filters=FilterCache(execution.seccomp),
            emit=events.emit,
            settings=container_settings(config),
            host=host,
            clock=time.time_ns,
            storage_driver=graph.name,
            devices=devices,
            ids=IDPool(lambda: (record.id_maps for record in store if record.id_maps is not None)),
        )
        await restore(engine)
        news.deliver_to(engine)
        stack.push_async_callback(news.settle)
        containers = ContainerService(engine)
        system = SystemService(
            database,
            system_settings(config, host.security_modules),
            store,
            containers,
            images,
            volumes,
            lambda: events.listeners,
            devices,
        )
        return cls(engine, events, containers, images, distribution, networks, volumes, system)

    def app(self) -> App:
        return App(self._routes())

    def _routes(self) -> Iterable[Route]:
        yield from ContainerRouter(self._containers).routes()
        yield from ContainerIORouter(self._containers).routes()
        yield from ContainerFileRouter(self._containers).routes()
        yield from ExecRouter(self._containers).routes()
        yield from StatsRouter(self._containers).routes()
        images = ImageRouter(self._images)
        yield from images.routes()
        yield from DistributionRouter(self._distribution, images.create).routes()
        yield from NetworkRouter(self._networks).routes()
        yield from VolumeRouter(self._volumes).routes()
        yield from PluginRouter().routes()
        yield from EventRouter(self._events).routes()
        yield from SystemRouter(self._system).routes()
        yield from CgroupRouter(CgroupService(self._engine.store, self._engine.settings)).routes()

    def begin(self) -> None:
        """Once the API answers: containers whose restart policy says so come back."""
        apply_restart_policies(self._engine)

    def reconfigure(self, config: DaemonConfig) -> None:
        """Takes over what SIGHUP may change."""
        self._distribution.reconfigure(transfer_settings(config))
        self._engine.settings = dataclasses.replace(
            self._engine.settings,
            runtimes=known_runtimes(config.runtimes, config.default_runtime),
            default_runtime=config.default_runtime,
        )
        self._system.settings = system_settings(config, self._engine.host.security_modules)

    async def stop_containers(self, timeout: int) -> None:
        """Stops every running container, each with its own stop timeout, within ``timeout`` seconds (-1: no limit)."""
        running = [record.id for record in self._engine.store if record.status.is_up]
        if running:
            stopping = [asyncio.create_task(self._stop(id)) for id in running]
            _, late = await asyncio.wait(stopping, timeout=timeout if timeout >= 0 else None)
            if late:
                log.warning("%d containers did not stop within %d s", len(late), timeout)

    async def _stop(self, id: ContainerID) -> None:
        try:
            await self._containers.stop(id, None, None)
        except CorralError as error:
            log.warning("cannot stop container %s: %s", id, error)
        if self._engine.store.get(id) is not None:  # the daemon did it, not the user: policies may bring it back
            self._engine.store.set_state(id, stopped_by_user=False)


def _uses(store: ContainerStore, image: ImageID) -> list[ImageUse]:
    return [ImageUse(record.id, record.name, record.status.has_process) for record in store if record.image_id == image]
