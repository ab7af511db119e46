"""The composition root: stores, then drivers, then services, then routers. Nothing here decides anything."""

from __future__ import annotations

import contextlib
import logging

from corral.api.server.app import App
from corral.api.server.routers.images import ImageRouter
from corral.daemon.config import DaemonConfig
from corral.image.graphdriver.choose import choose
from corral.image.service import ImageService
from corral.store.database import Database
from corral.store.layout import DataRoot, ExecRoot

__all__ = ["Services"]

log = logging.getLogger(__name__)


class Services:
    """Everything that runs, wired. Whatever was started ends, in reverse order, with the stack given to `start`."""

    def __init__(self, config: DaemonConfig, images: ImageService) -> None:
        self._config = config
        self._images = images

    @classmethod
    async def start(
        cls,
        config: DaemonConfig,
        data: DataRoot,
        execution: ExecRoot,
        stack: contextlib.AsyncExitStack,
    ) -> Services:
        """Raises CorralError when a part cannot work on this machine."""
        database = Database(data.database)
        stack.callback(database.close)
        driver = choose(data, config.storage_driver or None)
        images = ImageService(data, database, driver, lambda *_: None, lambda _: [])
        stack.callback(images.close)
        await images.start()
        return cls(config, images)

    def app(self) -> App:
        return App(ImageRouter(self._images).routes())

    def reconfigure(self, config: DaemonConfig) -> None:
        """Takes over what SIGHUP may change."""
        self._config = config

    async def stop_containers(self, timeout: int) -> None:
        """Stops every running container, each with its own stop timeout."""
