"""overlay2: each layer a directory of its changes, stacked by overlayfs when a container starts.

::

    overlay2/                        0710
    ├── l/SHORT -> ../ID/diff        short names: a stack of 128 still fits the mount option's one page
    ├── mountpoints-1/diff           the bottom of every stack (mountpoints.py); l/0 leads to it
    ├── CACHE-ID/                    an image layer
    │   ├── diff/                    the layer's files, with overlayfs's whiteouts
    │   ├── link                     its SHORT
    │   ├── lower                    the layers below, topmost first: "l/SHORT:l/SHORT"; absent for the lowest
    │   ├── recipe, aside/           see archive/recipe.py
    └── CONTAINER-ID/                a read-write layer
        └── diff/, work/             upperdir and workdir; what lies below is known from its parent

Mount options that matter: ``redirect_dir=off`` and ``metacopy=off`` keep every change whole in ``diff/`` (no renamed
directory that points to a lower name, no inode without its data), so that walking it is an exact diff, whatever the
module's defaults are; ``index=off`` because an index ties an upper directory to the exact lower stack it was first
mounted with, and a container must start again from a restored or moved data root.
Source: Documentation/filesystems/overlayfs.rst.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from corral.archive.apply import Whiteouts
from corral.errors import Internal, Invalid, NotFound
from corral.image.graphdriver import mountpoints
from corral.image.graphdriver.driver import DiffSource, Staging
from corral.image.graphdriver.usage import tree_size
from corral.linux.inode_flags import spread
from corral.oci.rootfs import RootfsMount

_FLAGS: Final = ("index=off", "redirect_dir=off", "metacopy=off")
_LINKS: Final = "l"
_BOTTOM: Final = "l/0"
_SHORT_BYTES: Final = 8
_SLOW_SECONDS: Final = 60e-6
_PLACES: Final = 8


class Overlay2:
    """The driver on the directory ``root``."""

    name = "overlay2"
    independent = True
    instant = True

    def __init__(self, root: Path, backing: str = "") -> None:
        self._root = root
        self._backing = backing
        self._lower: dict[str, str] = {}
        self._roots: dict[str, tuple[int, int, int]] = {}
        for directory in (root, root / _LINKS):  # others on the host are to see no layers (CVE-2021-41091)
            os.makedirs(directory, 0o710, exist_ok=True)
        spread(str(root))
        bottom = root / mountpoints.ID / "diff"
        os.makedirs(bottom, 0o755, exist_ok=True)
        mountpoints.make(bottom)
        _relink(root / _BOTTOM, f"../{mountpoints.ID}/diff")

    def _dir(self, layer: str) -> str:
        return f"{self._root}/{layer}"

    # -- image layers

    def create(self, cache_id: str, parent: str | None) -> Staging:
        directory = self._dir(cache_id)
        if os.path.lexists(directory):
            raise Internal(f"{directory}: layer exists already")
        os.rename(self._place(directory), directory)
        short = secrets.token_hex(_SHORT_BYTES)
        link = f"{self._root}/{_LINKS}/{short}"
        try:
            os.symlink(f"../{cache_id}/diff", link)
            _write(f"{directory}/link", short)
            if parent is not None:
                _write(f"{directory}/lower", self._stack(parent))
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(link)
            shutil.rmtree(directory, ignore_errors=True)
            raise
        return self.files(cache_id)

    @staticmethod
    def _place(directory: str) -> str:
        """A directory with ``diff`` in it, in a part of the disk where files can be made quickly.

        ext4 chooses that part (see `spread`), not knowing that it looks there at every inode that was deleted lately
        for each file that it makes, which takes ten times as long. One directory shows it: if it took long, the next
        one is tried, with the slow ones still there, so that another part is chosen.
        """
        slow: list[str] = []
        try:
            while True:
                place = f"{directory}-{len(slow)}"
                os.mkdir(place, 0o710)
                begin = time.perf_counter()
                try:
                    _mkdir(f"{place}/diff", 0o755)
                except OSError:
                    os.rmdir(place)
                    raise
                if time.perf_counter() - begin < _SLOW_SECONDS or len(slow) == _PLACES:
                    return place
                slow.append(place)
        finally:
            for place in slow:
                os.rmdir(f"{place}/diff")
                os.rmdir(place)

    def settle(self, cache_id: str, parent: str | None, *, root_given: bool) -> None:
        if parent is not None and not root_given:
            mode, uid, gid = self._root_attributes(parent)
            os.chown(f"{self._dir(cache_id)}/diff", uid, gid)
            os.chmod(f"{self._dir(cache_id)}/diff", mode)

    def files(self, cache_id: str) -> Staging:
        directory = self._dir(cache_id)
        return Staging(
            root=f"{directory}/diff",
            whiteouts=Whiteouts.OVERLAY,
            recipe=f"{directory}/recipe",
            aside=f"{directory}/aside",
        )

    def _stack(self, layer: str) -> str:
        """``layer`` and all below it, topmost first."""
        stack = self._lower.get(layer)
        if stack is None:
            directory = self._dir(layer)
            try:
                short = _read(f"{directory}/link")
            except FileNotFoundError:
                raise Internal(f"{directory}: layer is damaged: no link") from None
            try:
                below = ":" + _read(f"{directory}/lower")
            except FileNotFoundError:
                below = ""
            stack = self._lower[layer] = f"{_LINKS}/{short}{below}"
        return stack

    # -- read-write layers

    def create_rw(self, container_id: str, parent: str | None, options: Mapping[str, str]) -> None:
        for name in options:
            if name == "size":
                raise Invalid("--storage-opt is supported only for overlay over xfs with 'pquota' mount option")
            raise Invalid(f"Unknown option {name}")
        directory = self._dir(container_id)
        try:
            os.mkdir(directory, 0o710)
        except FileExistsError:
            if os.path.isdir(f"{directory}/diff"):
                return
        with contextlib.suppress(FileExistsError):
            os.mkdir(f"{directory}/work", 0o700)
        # The root of the merged tree has the upper directory's attributes: they must be the image's. diff/ comes last:
        # where it is, the rest is as well.
        mode, uid, gid = self._root_attributes(parent)
        os.mkdir(f"{directory}/diff", mode)
        if uid or gid:
            os.chown(f"{directory}/diff", uid, gid)
        os.chmod(f"{directory}/diff", mode)

    def _root_attributes(self, layer: str | None) -> tuple[int, int, int]:
        """Mode and owner of a settled layer's root directory."""
        if layer is None:
            return 0o755, 0, 0
        found = self._roots.get(layer)
        if found is None:
            info = os.stat(f"{self._dir(layer)}/diff")
            found = self._roots[layer] = stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid
        return found

    def mounts(self, container_id: str, parent: str | None) -> tuple[RootfsMount, ...]:
        if not os.path.isdir(f"{self._dir(container_id)}/diff"):
            raise NotFound(f"container {container_id} has no read-write layer")
        stack = _BOTTOM if parent is None else f"{self._stack(parent)}:{_BOTTOM}"
        return (
            RootfsMount(
                type="overlay",
                source="overlay",
                options=(
                    f"lowerdir={stack}",
                    f"upperdir={container_id}/diff",
                    f"workdir={container_id}/work",
                    *_FLAGS,
                ),
                base=str(self._root),
            ),
        )

    def rest(self, container_id: str) -> None:
        """Nothing is mounted by the driver."""

    def diff(self, layer: str, parent: str | None) -> DiffSource:
        root = f"{self._dir(layer)}/diff"
        info = os.stat(root)
        own = stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid
        stack = [*(self._stack(parent).split(":") if parent is not None else ()), _BOTTOM]
        below = tuple(f"{self._root}/{name}" for name in stack)
        return DiffSource(root, root_changed=own != self._root_attributes(parent), below=below)

    def usage(self, layer: str, parent: str | None) -> int:  # noqa: ARG002
        return tree_size(f"{self._dir(layer)}/diff")

    # -- all

    def remove(self, layer: str, trash: Path) -> Path | None:
        directory = self._dir(layer)
        self._lower.pop(layer, None)
        self._roots.pop(layer, None)
        try:
            short = _read(f"{directory}/link")
            os.unlink(f"{self._root}/{_LINKS}/{short}")
        except FileNotFoundError:
            pass
        target = trash / f"{layer}.{secrets.token_hex(4)}"
        try:
            os.rename(directory, target)
        except FileNotFoundError:
            return None
        return target

    def ids(self) -> set[str]:
        return {name for name in os.listdir(self._root) if name not in (_LINKS, mountpoints.ID)}

    def status(self) -> list[tuple[str, str]]:
        return [
            ("Backing Filesystem", self._backing or "unknown"),
            ("Supports d_type", "true"),
            ("Using metacopy", "false"),
            ("Native Overlay Diff", "true"),
            ("userxattr", "false"),
        ]

    def metadata(self, layer: str, parent: str | None) -> dict[str, str]:
        directory = self._dir(layer)
        data = {
            "MergedDir": f"{directory}/merged",
            "UpperDir": f"{directory}/diff",
            "WorkDir": f"{directory}/work",
        }
        if parent is not None:
            names = self._stack(parent).split(":")
            data["LowerDir"] = ":".join(os.path.realpath(self._root / name) for name in names)
        return data


def _mkdir(path: str, mode: int) -> None:
    """Whatever the umask is: containers' users must be able to pass."""
    os.mkdir(path, mode)
    os.chmod(path, mode)


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _read(path: str) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 1 << 16).decode()
    finally:
        os.close(fd)


def _relink(path: Path, target: str) -> None:
    try:
        os.symlink(target, path)
    except FileExistsError:
        if os.readlink(path) != target:
            os.unlink(path)
            os.symlink(target, path)
