"""Which storage driver a data root gets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from corral.errors import Invalid
from corral.image.graphdriver import fuse_overlayfs
from corral.image.graphdriver.btrfs import Btrfs
from corral.image.graphdriver.driver import GraphDriver
from corral.image.graphdriver.fuse_overlayfs import FuseOverlayfs
from corral.image.graphdriver.overlay2 import Overlay2
from corral.image.graphdriver.vfs import Vfs
from corral.store.layout import DataRoot

NAMES: Final = ("overlay2", "fuse-overlayfs", "btrfs", "vfs")

# An upper directory of the kernel's must keep trusted.* attributes, whiteouts and d_type, which these do not.
_NO_UPPER = frozenset({"overlay", "nfs", "nfs4", "vfat", "exfat", "fuse", "fuseblk", "9p", "ecryptfs", "zfs"})

_IGNORED = frozenset({"overlay2.override_kernel_check"})


def choose(data: DataRoot, name: str | None = None, options: Sequence[str] = ()) -> GraphDriver:
    """The driver called ``name``, or the best that the file system below the data root can carry.

    Raises Invalid for an unknown name and for ``options`` that it does not have, Unsupported when it cannot work here.
    """
    backing = filesystem_of(data.root, Path("/proc/self/mountinfo").read_text())
    name = name or _best(data, backing)
    name = "overlay2" if name == "overlay" else name
    if name not in NAMES:
        raise Invalid(f"driver not supported: {name}")
    check(name, options)
    root = data.graphdriver(name)
    if name == "overlay2":
        return Overlay2(root, backing)
    if name == "fuse-overlayfs":
        return FuseOverlayfs(root, backing)
    return Btrfs(root) if name == "btrfs" else Vfs(root)


def _best(data: DataRoot, backing: str) -> str:
    if backing not in _NO_UPPER:
        return "overlay2"
    return "fuse-overlayfs" if fuse_overlayfs.serves(data.graphdriver("fuse-overlayfs")) else "vfs"


def check(name: str, options: Sequence[str]) -> None:
    """Raises Invalid for the first option (KEY=VALUE) that the driver does not have."""
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise Invalid(f"unable to parse storage-opt key/value options: {option}")
        if key in _IGNORED:
            if value.lower() not in ("true", "false", "1", "0"):
                raise Invalid(f"storage-opt {key}: {value!r} is neither true nor false")
            continue
        if key in ("overlay2.size", "btrfs.min_space", "size"):
            raise Invalid(f"storage-opt {key} is not supported by corral's {name}: it sets no quotas")
        raise Invalid(f"{name}: unknown option {key}")


def filesystem_of(path: Path, mountinfo: str) -> str:
    """The type of the file system that holds ``path``; "" when unknown. Source: proc_pid_mountinfo(5)."""
    best, kind = "", ""
    target = str(path.resolve()) + "/"
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        point = fields.split(" ")[4].replace("\\040", " ").rstrip("/") + "/"
        if target.startswith(point) and len(point) >= len(best):
            best, kind = point, rest.split(" ")[0]
    return kind
