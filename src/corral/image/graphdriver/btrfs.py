"""btrfs: each layer a subvolume, a snapshot of the one below. See ``trees`` for what lies where.

A snapshot takes a few milliseconds whatever its size, and a container's first write to a file copies the blocks that it
writes, not the file. Subvolumes that a container makes in its own, as an engine inside of one does, go with it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

from corral.errors import Invalid, Unsupported
from corral.image.graphdriver import mountpoints
from corral.image.graphdriver.trees import Trees
from corral.linux.btrfs import create_subvolume, destroy_subvolume, is_btrfs, is_subvolume, snapshot

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TREE = "root"


class Btrfs(Trees):
    name = "btrfs"

    def begin(self) -> None:
        """Raises Unsupported where there is another file system."""
        os.makedirs(self._root, 0o710, exist_ok=True)
        if not is_btrfs(str(self._root)):
            raise Unsupported(
                f"storage driver btrfs: {self._root} is not on btrfs: "
                "prerequisites for driver not satisfied (wrong filesystem?)"
            )
        os.makedirs(f"{self._root}/{mountpoints.ID}", 0o710, exist_ok=True)
        if not os.path.isdir(self.tree(mountpoints.ID)):
            directory = os.open(f"{self._root}/{mountpoints.ID}", _DIRECTORY)
            try:
                create_subvolume(directory, _TREE)
            finally:
                os.close(directory)

    def branch(self, parent: str | None, layer: str) -> None:
        source = os.open(self.tree(parent), _DIRECTORY)
        try:
            directory = os.open(f"{self._root}/{layer}", _DIRECTORY)
            try:
                snapshot(source, directory, _TREE)
            finally:
                os.close(directory)
        finally:
            os.close(source)

    def cut(self, layer: str) -> None:
        directory = os.open(f"{self._root}/{layer}", _DIRECTORY)
        try:
            _destroy(directory, _TREE.encode())
        except FileNotFoundError:
            return
        finally:
            os.close(directory)

    def check(self, options: Mapping[str, str]) -> None:
        for name in options:
            if name == "size":
                raise Invalid("--storage-opt size is not supported for btrfs: corral does not manage its quotas")
            raise Invalid(f"Unknown option {name}")

    def status(self) -> list[tuple[str, str]]:
        return [("Btrfs", "")]


def _destroy(directory: int, name: bytes) -> None:
    try:
        destroy_subvolume(directory, name)
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        _destroy_inner(directory, name)
        destroy_subvolume(directory, name)


def _destroy_inner(directory: int, name: bytes) -> None:
    """The subvolumes below a directory, the innermost first. Only the container could have made them; it is gone."""
    pending = [os.open(name, _DIRECTORY, dir_fd=directory)]
    try:
        while pending:
            fd = pending.pop()
            try:
                for entry in _directories(fd):
                    if is_subvolume(os.stat(entry, dir_fd=fd, follow_symlinks=False)):
                        _destroy(fd, entry)
                    else:
                        pending.append(os.open(entry, _DIRECTORY, dir_fd=fd))
            finally:
                os.close(fd)
    finally:
        for fd in pending:
            os.close(fd)


def _directories(fd: int) -> list[bytes]:
    with os.scandir(fd) as entries:
        return [os.fsencode(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)]
