"""The façade of the image room: what the engine and the routers call.

Each use case is a module beside this one; here they meet the stores. Construct it, `start` it, `close` it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Final

from corral.api.types.image import ImageDeleteItem, ImageHistoryItem, ImageInspect, ImageSummary
from corral.api.types.progress import Progress
from corral.archive.jobs import pack
from corral.archive.limits import DEFAULT, Limits
from corral.errors import Invalid
from corral.image import importing, progress, saving
from corral.image.bootstrap.names import bootstrap
from corral.image.committing import CommitRequest, commit_image
from corral.image.content.store import ContentStore
from corral.image.fetch import fetch, normalize
from corral.image.filters import parse as parse_filters
from corral.image.graphdriver.driver import GraphDriver
from corral.image.inspect import history, inspect
from corral.image.layer.rw import RWLayers
from corral.image.layer.store import LayerStore
from corral.image.layer.trash import Trash
from corral.image.listing import summaries
from corral.image.loading import Loading
from corral.image.record import Image, ImageUse
from corral.image.references import ReferenceStore
from corral.image.removal import Removal
from corral.image.schema import MIGRATIONS
from corral.image.store import ImageStore
from corral.oci.digest import ImageID
from corral.oci.rootfs import RootfsMount
from corral.store.database import Database
from corral.store.layout import DataRoot

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
    ) -> None:
        """``limits`` bound what one archive may unpack to."""
        database.migrate(MIGRATIONS)
        self._data = data
        self._emit = emit
        self._in_use = in_use
        self._trash = Trash(data.trash)
        self.content = ContentStore(data)
        self.content.clean()
        self._limits = limits
        self.layers = LayerStore(database, driver, self._trash, limits)
        self.references = ReferenceStore(database, driver.name)
        self.images = ImageStore(database, self.content, self.layers, self.references)
        self.rw = RWLayers(database, self.layers, self._trash)

    async def start(self) -> None:
        """Finishes what an earlier process left half done: garbage goes to the trash, the trash away."""
        await self.layers.clean(self.rw.ids())
        self.images.clean()
        self._trash.adopt(self._data.tmp, SCRATCH_PREFIXES)
        self._trash.start()

    def flush_trash(self) -> None:
        """Blocks until the space of all that was removed before has come back."""
        self._trash.flush()

    def close(self) -> None:
        self._trash.close()

    # -- images

    def resolve(self, ref: str) -> Image:
        """Raises NotFound("No such image: ..."), Invalid for what can be no reference."""
        return self.images.resolve(ref)

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
        self, source: AsyncIterator[bytes], quiet: bool = False, platform: str | None = None
    ) -> AsyncIterator[Progress]:
        """Raises Invalid, Unsupported, Exhausted."""
        loading = Loading(
            self.images,
            self._data.tmp,
            self._limits,
            lambda action, image: self._log(action, image, image.id),
            quiet=quiet,
            platform=platform or "",
        )
        return progress.stream(lambda report: loading.run(source, report))

    async def save(self, refs: Sequence[str]) -> AsyncIterator[bytes]:
        """An archive of images. Raises NotFound, Invalid; Internal when a layer was changed on disk."""
        selection = saving.select(self.images, refs)
        images = [self.images.get(image_id) for image_id in selection]
        async with self.layers.hold(image.top for image in images if image.top is not None):
            async for piece in pack(saving.plan(self.images, selection)):
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

    def list(self, filters: Mapping[str, Iterable[str]], all: bool = False, shared_size: bool = False) -> Summaries:
        """Raises Invalid for a filter that does not exist or has a value that cannot be."""
        wanted = parse_filters(filters, self.resolve)
        return summaries(self.images, wanted, self._in_use, all_images=all, shared_size=shared_size)

    def inspect(self, ref: str) -> ImageInspect:
        """Raises NotFound, Invalid."""
        return inspect(self.images, self.resolve(ref))

    def history(self, ref: str) -> Sequence[ImageHistoryItem]:
        """Newest first. Raises NotFound, Invalid."""
        return history(self.images, self.resolve(ref))

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

    async def remove(self, ref: str, force: bool = False, noprune: bool = False) -> Sequence[ImageDeleteItem]:
        """Raises NotFound, Conflict."""
        removal = Removal(
            self.images, self._in_use, lambda action, image: self._log(action, image, image.id), force, not noprune
        )
        return await removal.run(ref)

    def fetch(self, url: str) -> AsyncIterator[bytes]:
        """A source for `import_`: the archive at a URL. Raises Invalid, and while it is read NotFound, Unavailable."""
        return fetch(normalize(url))

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

    def layers_size(self) -> int:
        """Bytes of the files of all layers, each once."""
        return self.layers.total_size()

    # -- read-write layers of containers

    async def create_rw_layer(
        self, container_id: str, image: ImageID | None, storage_opt: Mapping[str, str] | None = None
    ) -> None:
        """Raises NotFound when the image is gone, Conflict when the container has a layer."""
        top = None if image is None else self.images.get(image).top
        await self.rw.create(container_id, top, storage_opt or {})

    def rootfs(self, container_id: str) -> tuple[RootfsMount, ...]:
        """For container init, which mounts it in its own mount namespace. Raises NotFound."""
        return self.rw.mounts(container_id)

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
