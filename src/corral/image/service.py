"""The façade of the image room: what the engine and the routers call.

Each use case is a module beside this one; here they meet the stores. Construct it, `start` it, `close` it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Final

from corral.api.types.image import (
    ImageDeleteItem,
    ImageHistoryItem,
    ImageInspect,
    ImagesPruneReport,
    ImageSummary,
)
from corral.api.types.progress import Progress
from corral.api.types.wire import UNSET
from corral.archive.jobs import pack
from corral.archive.limits import DEFAULT, Limits
from corral.errors import Conflict, Invalid
from corral.image import importing, platforms, progress, saving
from corral.image.bootstrap.names import bootstrap
from corral.image.budget import Budget, LastUse
from corral.image.collecting import Collector
from corral.image.committing import CommitRequest, commit_image
from corral.image.content.store import ContentStore
from corral.image.drivers import refuse_other
from corral.image.fetch import fetch, normalize
from corral.image.filters import parse as parse_filters
from corral.image.graphdriver.driver import GraphDriver
from corral.image.inspect import history, inspect
from corral.image.layer.rw import RWLayers
from corral.image.layer.store import LayerStore
from corral.image.layer.trash import Trash
from corral.image.listing import summaries
from corral.image.loading import Loading
from corral.image.prune import Pruning
from corral.image.record import Image, ImageUse
from corral.image.references import ReferenceStore
from corral.image.removal import Removal
from corral.image.schema import MIGRATIONS
from corral.image.settings import DEFAULTS, ImageSettings
from corral.image.store import ImageStore
from corral.image.usage import Usage
from corral.oci.digest import ImageID
from corral.oci.platform import Platform
from corral.oci.rootfs import RootfsMount
from corral.store.database import Database
from corral.store.layout import DataRoot

_LOG: Final = logging.getLogger(__name__)
SCRATCH_PREFIXES: Final = ("load-", "busybox-")

Summaries = list[ImageSummary]
Emit = Callable[[str, str, dict[str, str]], None]
InUse = Callable[[ImageID], list[ImageUse]]


class ImageService:
    def __init__(
        self,
        data: DataRoot,
        database: Database,
        driver: GraphDriver,
        emit: Emit,
        in_use: InUse,
        limits: Limits = DEFAULT,
        settings: ImageSettings = DEFAULTS,
    ) -> None:
        """``limits`` bound what one archive may unpack to. Raises Invalid for a data root of another driver."""
        database.migrate(MIGRATIONS)
        refuse_other(database, data.root, driver.name)
        self._data = data
        self._emit = emit
        self._in_use = in_use
        self._trash = Trash(data.trash)
        self.content = ContentStore(data)
        self.content.clean()
        self._limits = limits
        self.layers = LayerStore(database, driver, self._trash, limits)
        self.references = ReferenceStore(database, driver.name)
        self.images = ImageStore(database, self.content, self.layers, self.references, self._created)
        self.rw = RWLayers(database, self.layers, self._trash)
        self.collector = Collector(database, self.content, keep_compressed=settings.keep_compressed)
        self._last_use = LastUse(database, driver.name)
        self._budget = Budget(settings.budget, self.images, self._last_use, in_use, self._log_id)
        self._usage = Usage(database, self.images)
        self._pruning = False
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Finishes what an earlier process left half done: garbage goes to the trash, the trash away."""
        await self.layers.clean(self.rw.ids())
        await self.collector.run()
        self._trash.adopt(self._data.tmp, SCRATCH_PREFIXES)
        self._trash.start()

    def flush_trash(self) -> None:
        """Blocks until the space of all that was removed before has come back."""
        self._trash.flush()

    def close(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
        self._trash.close()

    def _created(self, image: ImageID) -> None:
        self.used(image)
        if (self._budget.limit or not self.collector.keep_compressed) and self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())
            self._keeping.add_done_callback(self._kept)

    async def _keep(self) -> None:
        """Brings images below their budget, and drops what need not be kept."""
        await self._budget.enforce()
        await self.collector.run()

    def _kept(self, task: asyncio.Task[None]) -> None:
        self._keeping = None
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("cannot keep images below their budget: %s", error)

    # -- images

    def resolve(self, ref: str, platform: Platform | None = None) -> Image:
        """Raises NotFound("No such image: ..."), Invalid for what can be no reference."""
        return self.images.resolve(ref, platform)

    async def import_(
        self,
        source: AsyncIterator[bytes],
        repo: str = "",
        tag: str = "",
        changes: list[str] | None = None,
        message: str = "",
        platform: str | None = None,
    ) -> ImageID:
        """Makes an image of one layer out of a tar of a root file system. Raises Invalid, Exhausted."""
        request = importing.ImportRequest(repo, tag, tuple(changes or ()), message, platform or "")
        image, reference = await importing.import_image(self.images, request, source)
        self._log("import", image, image.id)
        if reference is not None:
            self._log("tag", image, reference.familiar)
        return image.id

    def load(
        self, source: AsyncIterator[bytes], quiet: bool = False, platform: Platform | None = None
    ) -> AsyncIterator[Progress]:
        """Raises Invalid, Unsupported, Exhausted."""
        loading = Loading(
            self.images,
            self._data.tmp,
            self._limits,
            self._log_id,
            quiet=quiet,
            platform=platform,
            keep=self.collector.keep_compressed,
        )
        return progress.stream(lambda report: loading.run(source, report))

    async def save(self, refs: Sequence[str], platform: Platform | None = None) -> AsyncIterator[bytes]:
        """An archive of images. Raises NotFound, Invalid; Internal when a layer was changed on disk."""
        selection = saving.select(self.images, refs, platform)
        images = [self.images.get(image_id) for image_id in selection]
        async with self.layers.hold(image.top for image in images if image.top is not None):
            with self.content.lease():
                async for piece in pack(saving.plan(self.images, selection, whole=platform is None)):
                    yield piece
        for image in images:
            self._log("save", image, image.id)

    def bootstrap(self, name: str) -> AsyncIterator[Progress]:
        """Makes a first image without a registry: "busybox", "debian:SUITE". Raises Invalid, Unavailable, Internal."""
        return progress.stream(lambda report: self._bootstrap(name, report))

    async def _bootstrap(self, name: str, report: progress.Report) -> None:
        image = await bootstrap(self.images, name, report)
        self._log("import", image, image.id)
        for reference in self.references.of(image.id):
            self._log("tag", image, reference.familiar)

    def list(
        self,
        filters: Mapping[str, Iterable[str]],
        all: bool = False,
        shared_size: bool = False,
        manifests: bool = False,
    ) -> Summaries:
        """Raises Invalid for a filter that does not exist or has a value that cannot be."""
        wanted = parse_filters(filters, self.resolve)
        return summaries(
            self.images, wanted, self._in_use, all_images=all, shared_size=shared_size, manifests=manifests
        )

    def inspect(self, ref: str, platform: Platform | None = None, manifests: bool = False) -> ImageInspect:
        """Raises NotFound, Invalid."""
        image = self.resolve(ref, platform)
        shown = inspect(self.images, image)
        if manifests:
            shown.manifests = platforms.summaries(self.images, image, self._in_use) or UNSET
        return shown

    def history(self, ref: str, platform: Platform | None = None) -> Sequence[ImageHistoryItem]:
        """Newest first. Raises NotFound, Invalid."""
        return history(self.images, self.resolve(ref, platform))

    async def tag(self, ref: str, repo: str, tag: str = "") -> None:
        """Raises NotFound, Invalid."""
        image = self.resolve(ref)
        reference = importing.target(repo, tag)
        if reference is None:
            raise Invalid("invalid reference format")
        if reference.digest:
            raise Invalid("refusing to create a tag with a digest reference")
        await self.images.tag(image.id, reference)
        self._log("tag", image, reference.familiar)

    async def remove(
        self, ref: str, force: bool = False, noprune: bool = False, platforms: Sequence[Platform] = ()
    ) -> Sequence[ImageDeleteItem]:
        """Of a name that means several images only those for ``platforms``. Raises NotFound, Conflict."""
        removal = Removal(self.images, self._in_use, self._log_id, force, not noprune)
        try:
            return await removal.run(ref, platforms)
        finally:
            await self.collector.run()

    async def prune(self, filters: Mapping[str, Iterable[str]]) -> ImagesPruneReport:
        """Raises Invalid, Conflict while another one runs."""
        if self._pruning:
            raise Conflict("a prune operation is already running")
        self._pruning = True
        try:
            report = await Pruning(self.images, self._in_use, self._log_id).run(filters)
            report.space_reclaimed += await self.collector.run()
        finally:
            self._pruning = False
        self._emit("prune", "", {"reclaimed": str(report.space_reclaimed)})
        return report

    def used(self, image: ImageID) -> None:
        """It was pulled, made, or a container was made of it: it is not the next to go when space is short."""
        self._last_use.note(image)

    def fetch(self, url: str) -> AsyncIterator[bytes]:
        """A source for `import_`: the archive at a URL. Raises Invalid, and while it is read NotFound, Unavailable."""
        return fetch(normalize(url))

    def _log_id(self, action: str, image: Image) -> None:
        self._log(action, image, image.id)

    def _log(self, action: str, image: Image, name: str) -> None:
        self._emit(action, image.id, {**(image.config.runtime.labels or {}), "name": name})

    # -- facts

    @property
    def driver_name(self) -> str:
        return self.layers.driver.name

    def driver_status(self) -> Sequence[tuple[str, str]]:
        """Lines for ``docker info``."""
        return self.layers.driver.status()

    def count(self) -> int:
        """How many images there are."""
        return len(self.images)

    async def disk_usage(self) -> tuple[int, Summaries]:
        """What all images take on disk together, and each of them: blocks, blobs included, as du(1) counts them."""
        listed = summaries(self.images, parse_filters({}, self.resolve), self._in_use, all_images=True)
        shares = await self._usage.shares(self.images)
        shown = [summary for summary in listed if summary.id in shares]
        for summary in shown:
            share = shares[ImageID(summary.id)]
            summary.size, summary.shared_size = share.size, share.shared
        return await self._usage.total(), shown

    # -- read-write layers of containers

    async def create_rw_layer(
        self, container_id: str, image: ImageID | None, storage_opt: Mapping[str, str] | None = None
    ) -> None:
        """Raises NotFound when the image is gone, Conflict when the container has a layer."""
        top = None
        if image is not None:
            top = self.images.get(image).top
            self.used(image)
        await self.rw.create(container_id, top, storage_opt or {})

    def rootfs(self, container_id: str) -> tuple[RootfsMount, ...]:
        """For container init, which mounts it in its own mount namespace. Raises NotFound."""
        return self.rw.mounts(container_id)

    def rest(self, container_id: str) -> None:
        """Whoever asked for `rootfs` has mounted it, or will not."""
        self.layers.driver.rest(container_id)

    async def commit(self, request: CommitRequest) -> ImageID:
        """An image of what a container changed. Raises NotFound, Conflict, Exhausted."""
        image = await commit_image(self.images, self.rw, self._limits, request)
        self._log("create", image, image.id)
        if request.reference is not None:
            self._log("tag", image, request.reference.familiar)
        return image.id

    async def changes(self, container_id: str) -> Sequence[tuple[int, str]]:
        """Kind (0 modified, 1 added, 2 deleted) and path. Raises NotFound, Internal."""
        return await self.rw.changes(container_id)

    async def remove_rw_layer(self, container_id: str) -> None:
        await self.rw.remove(container_id)

    def rw_containers(self) -> set[str]:
        """The containers that have a layer, for whoever knows which containers there are."""
        return self.rw.ids()

    async def usage(self, container_id: str) -> tuple[int, int]:
        """Bytes of the container's own layer, and of its whole root. Raises NotFound."""
        return await self.rw.usage(container_id)

    def rw_metadata(self, container_id: str) -> dict[str, str]:
        """``GraphDriver.Data`` of inspect; empty when the container has no layer."""
        return self.rw.metadata(container_id) if container_id in self.rw else {}

    def descendants(self, image: ImageID) -> set[ImageID]:
        """All images that were built on one, directly or not."""
        found: set[ImageID] = set()
        queue = [image]
        while queue:
            children = {child.id for child in self.images.children(queue.pop())} - found
            found |= children
            queue += children
        return found
