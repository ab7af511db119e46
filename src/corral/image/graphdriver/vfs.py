"""vfs: each layer a whole file system, copied from the one below. It works everywhere and saves no space.

::

    vfs/
    ├── mountpoints-1/root      the bottom of every stack (mountpoints.py)
    └── ID/                     an image layer, or a container's
        ├── root/               the tree; a container's becomes its root as it is
        └── recipe, aside/      of image layers: see archive/recipe.py

On file systems that can share data between files (btrfs, xfs) a copy shares it. Copying is slow enough to belong in a
thread: the driver is not ``instant``; and a layer needs the finished one below: it is not ``independent``.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from corral.archive.apply import Whiteouts
from corral.archive.compare import compare
from corral.archive.copy import copy_tree
from corral.errors import Internal, Invalid, NotFound
from corral.image.graphdriver import mountpoints
from corral.image.graphdriver.driver import DiffSource, Staging
from corral.linux.inode_flags import spread
from corral.oci.rootfs import RootfsMount


class Vfs:
    """The driver on the directory ``root``."""

    name = "vfs"
    independent = False
    instant = False

    def __init__(self, root: Path) -> None:
        self._root = root
        os.makedirs(root, 0o710, exist_ok=True)
        spread(str(root))
        os.makedirs(self._tree(mountpoints.ID), 0o755, exist_ok=True)
        mountpoints.make(Path(self._tree(mountpoints.ID)))

    def _tree(self, layer: str | None) -> str:
        return f"{self._root}/{layer or mountpoints.ID}/root"

    def create(self, cache_id: str, parent: str | None) -> Staging:
        try:
            os.mkdir(f"{self._root}/{cache_id}", 0o710)
        except FileExistsError:
            raise Internal(f"{self._root}/{cache_id}: layer exists already") from None
        self._copy(parent, self._tree(cache_id))
        return self.files(cache_id)

    def _copy(self, parent: str | None, target: str) -> None:
        os.mkdir(target, 0o755)
        copy_tree(self._tree(parent), target)

    def settle(self, cache_id: str, parent: str | None, *, root_given: bool) -> None:
        """Nothing: the root's attributes were copied with it."""

    def files(self, cache_id: str) -> Staging:
        directory = f"{self._root}/{cache_id}"
        return Staging(
            root=self._tree(cache_id),
            whiteouts=Whiteouts.REMOVE,
            recipe=f"{directory}/recipe",
            aside=f"{directory}/aside",
        )

    def create_rw(self, container_id: str, parent: str | None, options: Mapping[str, str]) -> None:
        for name in options:
            raise Invalid(f"--storage-opt is not supported for vfs: {name}")
        directory = f"{self._root}/{container_id}"
        os.makedirs(directory, 0o710, exist_ok=True)
        if os.path.isdir(self._tree(container_id)):
            return
        half = f"{directory}/copying"
        if os.path.isdir(half):  # an earlier attempt was interrupted
            shutil.rmtree(half)
        self._copy(parent, half)
        os.rename(half, self._tree(container_id))

    def mounts(self, container_id: str, parent: str | None) -> tuple[RootfsMount, ...]:  # noqa: ARG002
        tree = self._tree(container_id)
        if not os.path.isdir(tree):
            raise NotFound(f"container {container_id} has no read-write layer")
        return (RootfsMount(type="bind", source=tree),)

    def diff(self, layer: str, parent: str | None) -> DiffSource:
        root, base = self._tree(layer), self._tree(parent)
        return DiffSource(root, base, root_changed=_attributes(root) != _attributes(base))

    def usage(self, layer: str, parent: str | None) -> int:
        return sum(
            change.info.st_size
            for change in compare(self._tree(layer), self._tree(parent))
            if change.node is not None and not stat.S_ISDIR(change.info.st_mode)
        )

    def remove(self, layer: str, trash: Path) -> Path | None:
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
