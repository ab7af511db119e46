"""The layer store: which layers there are, what uses each, and how one comes and goes.

A layer lives while something uses it: an image (its topmost layer), a container's read-write layer, a layer above it,
or an operation that has `hold` of it. When the last use ends, its record is deleted first and its directory moved to
the trash afterwards, then its parent loses a use. A directory without a record is therefore always garbage, whatever
moment a crash chose, and `clean` removes it at start.

The daemon is the only writer: records are kept in memory, read once at start, and changed there together with the
database.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, TypeVar

from corral.archive import jobs
from corral.archive.limits import DEFAULT, Limits
from corral.errors import Invalid, NotFound
from corral.image.graphdriver.driver import GraphDriver, Staging
from corral.image.layer.blobs import LayerBlobs
from corral.image.layer.record import Layer
from corral.image.layer.trash import Trash
from corral.image.schema import statement
from corral.image.together import together
from corral.image.uninterrupted import uninterrupted
from corral.oci.digest import ChainID, DiffID, digest_of
from corral.oci.image import Descriptor
from corral.store.database import Database

T = TypeVar("T")
_LOG: Final = logging.getLogger(__name__)

Source = AsyncIterator[bytes] | int
"""A tar, perhaps compressed: in pieces, or a descriptor to read it from."""

Fill = Callable[[Staging], Awaitable[jobs.Applied]]
"""Puts a layer's files where the driver wants them."""


@dataclass(frozen=True, slots=True)
class Part:
    """A layer to make: its identity, and how to get its tar if it is missing.

    ``digest`` is what the tar must have as it comes, before decompression; "" when nobody knows. ``ready`` is waited
    for before the layer takes one of the places where layers are unpacked, ``done`` called when the layer is there.
    """

    diff_id: DiffID
    open: Callable[[], AbstractAsyncContextManager[Source]]
    progress: jobs.Progress | None = None
    digest: str = ""
    ready: Callable[[], Awaitable[None]] | None = None
    done: Callable[[], None] | None = None


class LayerStore:
    def __init__(self, database: Database, driver: GraphDriver, trash: Trash, limits: Limits = DEFAULT) -> None:
        self._database = database
        self.driver = driver
        self.blobs = LayerBlobs(database)
        self._trash = trash
        self._limits = limits
        self._layers: dict[ChainID, Layer] = {}
        self._uses: Counter[ChainID] = Counter()
        self._unpacking = asyncio.Semaphore(max(2, os.cpu_count() or 1))
        self._turns: dict[ChainID, _Turn] = {}
        for row in database.read("SELECT * FROM layers WHERE driver = ?", (driver.name,)):
            layer = Layer(
                ChainID(row["chain_id"]),
                DiffID(row["diff_id"]),
                ChainID(row["parent"]) if row["parent"] else None,
                row["cache_id"],
                row["size"],
                row["tar_size"],
            )
            self._adopt(layer)

    def _adopt(self, layer: Layer) -> None:
        self._layers[layer.chain_id] = layer
        if layer.parent is not None:
            self._uses[layer.parent] += 1

    # -- reading

    def has(self, chain_id: ChainID) -> bool:
        return chain_id in self._layers

    def get(self, chain_id: ChainID) -> Layer:
        """Raises NotFound."""
        layer = self._layers.get(chain_id)
        if layer is None:
            raise NotFound(f"layer {chain_id} does not exist")
        return layer

    def __contains__(self, chain_id: ChainID) -> bool:
        return chain_id in self._layers

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(list(self._layers.values()))

    def total_size(self) -> int:
        return sum(layer.size for layer in self._layers.values())

    def stack(self, top: ChainID | None) -> tuple[Layer, ...]:
        """``top`` and all below, topmost first. Raises NotFound."""
        layers = []
        while top is not None:
            layer = self.get(top)
            layers.append(layer)
            top = layer.parent
        return tuple(layers)

    def cache_id(self, chain_id: ChainID | None) -> str | None:
        return None if chain_id is None else self.get(chain_id).cache_id

    def cache_ids(self) -> set[str]:
        return {layer.cache_id for layer in self._layers.values()}

    # -- compressed forms

    def blob_of(self, diff_id: DiffID) -> Descriptor | None:
        """The compressed form that was seen last; its blob need not be stored any more."""
        return next(iter(self.blobs.of(diff_id)), None)

    def remember_source(self, digest: str, repository: str) -> None:
        """``repository`` (domain and path) has this blob."""
        self.blobs.remember_source(digest, repository)

    def sources(self, digest: str, domain: str) -> list[str]:
        """Paths of repositories at ``domain`` that are known to have the blob, most recently seen first."""
        return self.blobs.sources(digest, domain)

    # -- keeping alive

    def use(self, chain_id: ChainID) -> None:
        self._uses[chain_id] += 1

    async def release(self, chain_id: ChainID) -> list[ChainID]:
        """Ends one use, and removes what nothing uses any more. Returns what was removed, topmost first."""
        doomed: list[Layer] = []
        current: ChainID | None = chain_id
        while current is not None:
            self._uses[current] -= 1
            if self._uses[current] > 0:
                break
            del self._uses[current]
            layer = self._layers.pop(current)
            doomed.append(layer)
            current = layer.parent
        await self._forget(doomed)
        return [layer.chain_id for layer in doomed]

    @uninterrupted
    async def _release_all(self, held: Sequence[ChainID]) -> None:
        for chain_id in held:
            await self.release(chain_id)

    async def _abandon(self, cache_id: str, layer: Layer | None) -> None:
        """Undoes a making that failed, or that was interrupted when the layer had just been recorded."""
        recorded = None if layer is None else self._layers.get(layer.chain_id)
        if recorded is not None and recorded.cache_id == cache_id:
            await self.release(recorded.chain_id)
        else:
            self._discard(cache_id)

    @uninterrupted
    async def _forget(self, doomed: list[Layer]) -> None:
        if not doomed:
            return
        marks = ", ".join("?" * len(doomed))
        query = f"DELETE FROM layers WHERE driver = ? AND chain_id IN ({marks})"  # noqa: S608
        await self._database.write(statement(query, (self.driver.name, *(layer.chain_id for layer in doomed))))
        for layer in doomed:
            self._discard(layer.cache_id)

    def _discard(self, cache_id: str) -> None:
        self._trash.discard(self.driver.remove(cache_id, self._trash.directory))

    @contextlib.asynccontextmanager
    async def hold(self, tops: Iterable[ChainID]) -> AsyncIterator[None]:
        """Keeps these layers, and all below them, while they are being read."""
        held = list(tops)
        for chain_id in held:
            self.use(chain_id)
        try:
            yield
        finally:
            await self._release_all(held)

    # -- making

    def unpacked(self, source: Source, progress: jobs.Progress | None = None) -> AbstractAsyncContextManager[Layer]:
        """The lowest layer made of a tar whose identity nobody told; recorded, and kept alive inside the context."""
        return self.filled(None, lambda staging: self._apply(staging, source, progress))

    @contextlib.asynccontextmanager
    async def filled(self, parent: ChainID | None, fill: Fill) -> AsyncIterator[Layer]:
        """A layer on top of ``parent``, which the caller keeps; its identity shows when ``fill`` has put its files in
        place. Recorded, and kept alive inside the context.
        """
        cache_id, below = secrets.token_hex(32), self.cache_id(parent)
        layer: Layer | None = None
        try:
            staging = await self._call(lambda: self.driver.create(cache_id, below))
            applied = await fill(staging)
            await self._call(lambda: self.driver.settle(cache_id, below, root_given=applied.root_given))
            diff_id = DiffID(applied.digest)
            layer = Layer(_chain(parent, diff_id), diff_id, parent, cache_id, applied.size, applied.tar_size)
            async with self._lock(layer.chain_id):
                if layer.chain_id in self._layers:
                    self._discard(cache_id)
                    self.use(layer.chain_id)
                else:
                    await self._record(layer)
        except BaseException:
            await self._abandon(cache_id, layer)
            raise
        try:
            yield self._layers[layer.chain_id]
        finally:
            await self._release_all([layer.chain_id])

    @contextlib.asynccontextmanager
    async def unpacked_stack(self, parts: Sequence[Part]) -> AsyncIterator[tuple[Layer, ...]]:
        """The layers of ``parts``, lowest first: those that are missing are made, at once where the driver can.

        Each is verified against its DiffID, recorded as soon as it is whole, and kept alive inside the context.
        Raises Invalid when a digest does not match, and as `jobs.apply`.
        """
        making: list[_Making] = []
        for part in parts:
            making.append(_Making(part, making[-1] if making else None))
        held: list[ChainID] = []
        try:
            async with together() as group:
                for one in making:
                    group.create_task(self._make(one, held))
            yield tuple(self._layers[one.chain_id] for one in making)
        finally:
            await self._release_all(held)

    async def _make(self, one: _Making, held: list[ChainID]) -> None:
        async with self._lock(one.chain_id):
            known = self._layers.get(one.chain_id)
            if known is not None:
                self.use(known.chain_id)
                held.append(known.chain_id)
                one.cache_id.set_result(known.cache_id)
                one.finish()
                return
            below = one.below
            if below is not None and not self.driver.independent:
                await below.done.wait()
            parent = None if below is None else await asyncio.shield(below.cache_id)
            cache_id = secrets.token_hex(32)
            layer: Layer | None = None
            try:
                staging = await self._call(lambda: self.driver.create(cache_id, parent))
                one.cache_id.set_result(cache_id)
                if one.part.ready is not None:
                    await one.part.ready()
                async with self._unpacking:
                    async with one.part.open() as source:
                        applied = await self._apply(staging, source, one.part.progress)
                _verify(one.part, applied)
                if below is not None:
                    await below.done.wait()
                await self._call(lambda: self.driver.settle(cache_id, parent, root_given=applied.root_given))
                chain_below = None if below is None else below.chain_id
                layer = Layer(one.chain_id, one.part.diff_id, chain_below, cache_id, applied.size, applied.tar_size)
                await self._record(layer)
            except BaseException:
                await self._abandon(cache_id, layer)
                raise
            held.append(one.chain_id)
            one.finish()

    async def _apply(self, staging: Staging, source: Source, progress: jobs.Progress | None) -> jobs.Applied:
        request = jobs.ApplyRequest(
            root=staging.root,
            whiteouts=staging.whiteouts,
            recipe=staging.recipe,
            aside=staging.aside,
            limits=self._limits,
        )
        applied = await jobs.apply(request, source, progress)
        for warning in applied.warnings:
            _LOG.warning("layer %s: %s", applied.digest, warning)
        return applied

    @uninterrupted
    async def _record(self, layer: Layer) -> None:
        """Makes a whole layer exist, with one use, the caller's."""
        row = (
            self.driver.name,
            layer.chain_id,
            layer.diff_id,
            layer.parent or "",
            layer.cache_id,
            layer.size,
            layer.tar_size,
        )
        await self._database.write(statement("INSERT INTO layers VALUES (?, ?, ?, ?, ?, ?, ?)", row))
        self._adopt(layer)
        self.use(layer.chain_id)

    async def _call(self, action: Callable[[], T]) -> T:
        return action() if self.driver.instant else await self._slowly(action)

    @uninterrupted
    async def _slowly(self, action: Callable[[], T]) -> T:
        return await asyncio.to_thread(action)

    @contextlib.asynccontextmanager
    async def _lock(self, chain_id: ChainID) -> AsyncIterator[None]:
        """One maker of a layer at a time."""
        turn = self._turns.setdefault(chain_id, _Turn())
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[chain_id]

    # -- at start

    async def clean(self, keep: set[str]) -> None:
        """Removes layers that nothing uses, and whatever lies in the driver's directory and is neither a layer's nor in
        ``keep``. Called when all uses are known.
        """
        for chain_id in [chain_id for chain_id in self._layers if self._uses[chain_id] == 0]:
            self.use(chain_id)
            await self.release(chain_id)
        for name in self.driver.ids() - self.cache_ids() - keep:
            self._discard(name)


class _Turn:
    """The lock of a layer that is being made, and how many have it or wait for it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0


class _Making:
    """A layer on its way; those above wait for its ``cache_id`` and for ``done``."""

    def __init__(self, part: Part, below: _Making | None) -> None:
        self.part = part
        self.below = below
        self.chain_id: ChainID = _chain(None if below is None else below.chain_id, part.diff_id)
        self.cache_id: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.done = asyncio.Event()

    def finish(self) -> None:
        self.done.set()
        if self.part.done is not None:
            self.part.done()


def _verify(part: Part, applied: jobs.Applied) -> None:
    if applied.digest != part.diff_id:
        raise Invalid(f'invalid diffID for layer: expected "{part.diff_id}", got "{applied.digest}"')
    if part.digest.startswith("sha256:") and applied.compressed_digest != part.digest:
        raise Invalid(f"layer has digest {applied.compressed_digest}, expected {part.digest}")


def _chain(parent: ChainID | None, diff_id: DiffID) -> ChainID:
    return ChainID(diff_id) if parent is None else ChainID(digest_of(f"{parent} {diff_id}".encode()))
