"""vfs: each layer a whole file system, copied from the one below. It works everywhere and saves no space.

On file systems that can share data between files (btrfs, xfs) a copy shares it. See ``trees`` for what lies where.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from corral.archive.copy import copy_tree
from corral.errors import Invalid
from corral.image.graphdriver import mountpoints
from corral.image.graphdriver.trees import Trees
from corral.linux.inode_flags import spread


class Vfs(Trees):
    name = "vfs"

    def begin(self) -> None:
        os.makedirs(self._root, 0o710, exist_ok=True)
        spread(str(self._root))
        os.makedirs(self.tree(mountpoints.ID), 0o755, exist_ok=True)

    def branch(self, parent: str | None, layer: str) -> None:
        half = f"{self._root}/{layer}/copying"
        if os.path.isdir(half):  # an earlier attempt was interrupted
            shutil.rmtree(half)
        os.mkdir(half, 0o755)
        copy_tree(self.tree(parent), half)
        os.rename(half, self.tree(layer))

    def check(self, options: Mapping[str, str]) -> None:
        for name in options:
            raise Invalid(f"--storage-opt is not supported for vfs: {name}")
