"""The read-write layers of containers.

A record is queued for the database before anything else is and not waited for: the database writes in order, so it is
durable no later than whatever the caller writes next, which is the container that the layer is for. The directory
itself is not synced; should a power failure take a directory that was just made, `RWLayers.mounts` makes it again, as
empty as it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Final

from corral.archive import jobs
from corral.errors import Conflict, NotFound
from corral.image.graphdriver.driver import DiffSource
from corral.image.layer.store import LayerStore
from corral.image.layer.trash import Trash
from corral.image.schema import statement
from corral.image.uninterrupted import uninterrupted
from corral.oci.digest import ChainID
from corral.oci.rootfs import RootfsMount
from corral.store.database import Database

_LOG: Final = logging.getLogger(__name__)


class RWLayers:
    def __init__(self, database: Database, layers: LayerStore, trash: Trash) -> None:
        self._database = database
        self._layers = layers
        self._driver = layers.driver
        self._trash = trash
        self._parents: dict[str, ChainID | None] = {}
        for row in database.read("SELECT container_id, parent FROM rw_layers WHERE driver = ?", (self._driver.name,)):
            self._adopt(row["container_id"], ChainID(row["parent"]) if row["parent"] else None)

    def _adopt(self, container_id: str, parent: ChainID | None) -> None:
        self._parents[container_id] = parent
        if parent is not None:
            self._layers.use(parent)

    def ids(self) -> set[str]:
        return set(self._parents)

    def __contains__(self, container_id: str) -> bool:
        return container_id in self._parents

    async def create(self, container_id: str, parent: ChainID | None, options: Mapping[str, str]) -> None:
        """Raises Conflict when the container has one already."""
        if container_id in self._parents:
            raise Conflict(f"container {container_id} has a read-write layer already")
        below = self._layers.cache_id(parent)
        self._adopt(container_id, parent)
        try:
            if self._driver.instant:
                self._driver.create_rw(container_id, below, options)
            else:
                await self._create_slowly(container_id, below, options)
        except BaseException:
            self._detach(container_id)
            del self._parents[container_id]
            if parent is not None:
                await self._layers.release(parent)
            raise
        row = (self._driver.name, container_id, parent or "")
        insert = statement("INSERT OR REPLACE INTO rw_layers VALUES (?, ?, ?)", row)
        self._database.submit(insert, durable=False, lazily=True).add_done_callback(_report)

    @uninterrupted
    async def _create_slowly(self, container_id: str, below: str | None, options: Mapping[str, str]) -> None:
        await asyncio.to_thread(self._driver.create_rw, container_id, below, options)

    def mounts(self, container_id: str) -> tuple[RootfsMount, ...]:
        """Raises NotFound."""
        below = self._layers.cache_id(self._parent(container_id))
        try:
            return self._driver.mounts(container_id, below)
        except NotFound:
            _LOG.warning("read-write layer of %s was lost; making it again", container_id)
            self._driver.create_rw(container_id, below, {})
            return self._driver.mounts(container_id, below)

    async def remove(self, container_id: str) -> None:
        """Idempotent. The space comes back in the background."""
        if container_id not in self._parents:
            return
        parent = self._parents.pop(container_id)
        row = (self._driver.name, container_id)
        delete = statement("DELETE FROM rw_layers WHERE driver = ? AND container_id = ?", row)
        self._database.submit(delete, durable=False, lazily=True).add_done_callback(_report)
        self._detach(container_id)
        if parent is not None:
            await self._layers.release(parent)

    def _detach(self, container_id: str) -> None:
        self._trash.discard(self._driver.remove(container_id, self._trash.directory))

    def diff(self, container_id: str) -> DiffSource:
        """Where the container's changes are. Raises NotFound."""
        return self._driver.diff(container_id, self._layers.cache_id(self._parent(container_id)))

    async def changes(self, container_id: str) -> list[tuple[int, str]]:
        """What the container changed, as `corral.archive.changes` finds it. Raises NotFound, Internal."""
        source = self.diff(container_id)
        if source.base is not None:
            return await jobs.changes(source.root, (source.base,), whole=True)
        return await jobs.changes(source.root, source.below, whole=False)

    async def usage(self, container_id: str) -> tuple[int, int]:
        """Bytes of the container's own files, and of all its layers together. Raises NotFound."""
        parent = self._parent(container_id)
        own = await asyncio.to_thread(self._driver.usage, container_id, self._layers.cache_id(parent))
        return own, own + sum(layer.size for layer in self._layers.stack(parent))

    def metadata(self, container_id: str) -> dict[str, str]:
        return self._driver.metadata(container_id, self._layers.cache_id(self._parent(container_id)))

    def _parent(self, container_id: str) -> ChainID | None:
        if container_id not in self._parents:
            raise NotFound(f"container {container_id} has no read-write layer")
        return self._parents[container_id]


def _report(future: Future[None]) -> None:
    if error := future.exception():
        _LOG.error("cannot record a read-write layer: %s", error)
