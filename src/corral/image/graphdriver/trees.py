"""What drivers have in common whose layers are whole file systems, each branched off from the one below.

::

    DRIVER/
    ├── mountpoints-1/root      the bottom of every stack (mountpoints.py)
    └── ID/                     an image layer, or a container's
        ├── root/               the tree; a container's becomes its root as it is
        └── recipe, aside/      of image layers: see archive/recipe.py

A layer needs the finished one below: such a driver is not ``independent``; and branching may take its time: it is not
``instant``.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from corral.archive.apply import Whiteouts
from corral.archive.compare import compare
from corral.errors import Internal, NotFound
from corral.image.graphdriver import mountpoints
from corral.image.graphdriver.driver import DiffSource, Staging
from corral.oci.rootfs import RootfsMount


class Trees:
    """The driver on the directory ``root``. What a driver adds: how to ``branch`` a tree and to ``cut`` it off."""

    name = ""
    independent = False
    instant = False

    def __init__(self, root: Path) -> None:
        self._root = root
        self.begin()
        mountpoints.make(Path(self.tree(mountpoints.ID)))

    def tree(self, layer: str | None) -> str:
        return f"{self._root}/{layer or mountpoints.ID}/root"

    # -- what a driver says

    def begin(self) -> None:
        """Makes the directory and the tree at the bottom; idempotent."""
        raise NotImplementedError

    def branch(self, parent: str | None, layer: str) -> None:
        """Makes the tree of ``layer``, whose directory is there, as a copy of its parent's; all or nothing."""
        raise NotImplementedError

    def cut(self, layer: str) -> None:
        """Takes away what cannot be deleted file by file."""

    def check(self, options: Mapping[str, str]) -> None:
        """Raises Invalid for options of a container that cannot be."""
        raise NotImplementedError

    # -- image layers

    def create(self, cache_id: str, parent: str | None) -> Staging:
        try:
            os.mkdir(f"{self._root}/{cache_id}", 0o710)
        except FileExistsError:
            raise Internal(f"{self._root}/{cache_id}: layer exists already") from None
        self.branch(parent, cache_id)
        return self.files(cache_id)

    def settle(self, cache_id: str, parent: str | None, *, root_given: bool) -> None:
        """Nothing: the root's attributes were copied with it."""

    def files(self, cache_id: str) -> Staging:
        directory = f"{self._root}/{cache_id}"
        return Staging(
            root=self.tree(cache_id),
            whiteouts=Whiteouts.REMOVE,
            recipe=f"{directory}/recipe",
            aside=f"{directory}/aside",
        )

    # -- read-write layers

    def create_rw(self, container_id: str, parent: str | None, options: Mapping[str, str]) -> None:
        self.check(options)
        os.makedirs(f"{self._root}/{container_id}", 0o710, exist_ok=True)
        if not os.path.isdir(self.tree(container_id)):
            self.branch(parent, container_id)

    def mounts(self, container_id: str, parent: str | None) -> tuple[RootfsMount, ...]:  # noqa: ARG002
        tree = self.tree(container_id)
        if not os.path.isdir(tree):
            raise NotFound(f"container {container_id} has no read-write layer")
        return (RootfsMount(type="bind", source=tree),)

    def rest(self, container_id: str) -> None:
        """Nothing is mounted by the driver."""

    def diff(self, layer: str, parent: str | None) -> DiffSource:
        root, base = self.tree(layer), self.tree(parent)
        return DiffSource(root, base, root_changed=_attributes(root) != _attributes(base))

    def usage(self, layer: str, parent: str | None) -> int:
        return sum(
            change.info.st_size
            for change in compare(self.tree(layer), self.tree(parent))
            if change.node is not None and not stat.S_ISDIR(change.info.st_mode)
        )

    # -- all

    def remove(self, layer: str, trash: Path) -> Path | None:
        if not os.path.isdir(f"{self._root}/{layer}"):
            return None
        self.cut(layer)
        target = trash / f"{layer}.{secrets.token_hex(4)}"
        try:
            os.rename(f"{self._root}/{layer}", target)
        except FileNotFoundError:
            return None
        return target

    def ids(self) -> set[str]:
        return set(os.listdir(self._root)) - {mountpoints.ID}

    def status(self) -> list[tuple[str, str]]:
        return []

    def metadata(self, layer: str, parent: str | None) -> dict[str, str]:  # noqa: ARG002
        return {}


def _attributes(directory: str) -> tuple[int, int, int]:
    info = os.stat(directory)
    return info.st_mode, info.st_uid, info.st_gid
