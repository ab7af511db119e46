"""The storage driver's Protocol, and the manual of its implementations.

Vocabulary
    A *layer* is one image layer, read-only once settled, known to the driver by its *cache id*: 64 random hex digits,
    so that nothing about the content shows in paths. A *read-write layer* belongs to one container and has the
    container's id. A layer's *parent* is the layer below it (None for the lowest).

Lifecycle
    ``create`` makes an empty layer and says where and how a tar is to be unpacked into it; ``settle`` makes it usable
    as a parent. Layers of a stack may be unpacked at the same time when the driver is ``independent``, but are settled
    from the lowest up. ``create_rw`` makes a container's layer on top, ``mounts`` describes its root file system.
    ``remove`` detaches in one rename whatever has that id; the space comes back when the trash is emptied. Nothing is
    acknowledged by a driver: whoever calls it records what exists, and hands back to ``remove`` what a crash left over
    (``ids`` minus what is recorded).

Example::

    staging = driver.create(cache_id, None)
    await archive.jobs.apply(ApplyRequest(root=staging.root, whiteouts=staging.whiteouts, ...), source)
    driver.settle(cache_id, None, root_given=True)
    driver.create_rw(container_id, cache_id, {})
    driver.mounts(container_id, cache_id)   # -> (RootfsMount(type="overlay", ...),), for container init
    driver.rest(container_id)               # once it has them
    driver.remove(container_id, trash)

All methods are synchronous. Those of an ``instant`` driver take well under a millisecond and may be called on the event
loop; of others, ``create``, ``settle`` and ``create_rw`` belong in a thread. ``usage`` and ``remove`` of any driver:
``usage`` walks a tree, ``remove`` is a rename.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from corral.archive.apply import Whiteouts
from corral.oci.rootfs import RootfsMount


@dataclass(frozen=True, slots=True)
class Staging:
    """Where a layer's tar goes. ``recipe`` and ``aside`` are kept with the layer: see `corral.archive.recipe`."""

    root: str
    whiteouts: Whiteouts
    recipe: str
    aside: str


@dataclass(frozen=True, slots=True)
class DiffSource:
    """Where the changes of a layer are: in ``root`` itself with overlayfs's marks, or as ``root`` against ``base``.

    ``root_changed``: owner or mode of the root directory are not those of the layer below. ``below``: the directories
    of the layers below, topmost first, when ``root`` has marks.
    """

    root: str
    base: str | None = None
    root_changed: bool = True
    below: tuple[str, ...] = ()


class GraphDriver(Protocol):
    name: str
    independent: bool
    instant: bool

    def create(self, cache_id: str, parent: str | None) -> Staging:
        """An empty layer, ready to be filled. Raises Internal when the id is taken."""

    def settle(self, cache_id: str, parent: str | None, *, root_given: bool) -> None:
        """The layer is complete. Unless its tar gave the root directory's attributes, they are the parent's."""

    def files(self, cache_id: str) -> Staging:
        """The places of a settled layer."""

    def create_rw(self, container_id: str, parent: str | None, options: Mapping[str, str]) -> None:
        """A container's layer. Idempotent. Raises Invalid for an option that the driver does not know."""

    def mounts(self, container_id: str, parent: str | None) -> tuple[RootfsMount, ...]:
        """How container init mounts the root file system. Raises NotFound."""

    def rest(self, container_id: str) -> None:
        """Whoever asked for `mounts` has mounted them, or will not. Idempotent, never waits."""

    def diff(self, layer: str, parent: str | None) -> DiffSource:
        """Where to read what a layer or a read-write layer changes."""

    def usage(self, layer: str, parent: str | None) -> int:
        """Bytes of the files that a read-write layer adds or changes."""

    def remove(self, layer: str, trash: Path) -> Path | None:
        """Moves everything with this id into the trash; None when there was nothing. Never waits."""

    def ids(self) -> set[str]:
        """Everything on disk that has an id."""

    def status(self) -> list[tuple[str, str]]:
        """Lines for ``docker info``."""

    def metadata(self, layer: str, parent: str | None) -> dict[str, str]:
        """``GraphDriver.Data`` of inspect."""
