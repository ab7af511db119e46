"""Which storage driver a data root gets."""

from __future__ import annotations

from pathlib import Path

from corral.errors import Invalid
from corral.image.graphdriver.driver import GraphDriver
from corral.image.graphdriver.overlay2 import Overlay2
from corral.image.graphdriver.vfs import Vfs
from corral.store.layout import DataRoot

# An upper directory must keep trusted.* attributes, whiteouts and d_type, which these do not.
_NO_UPPER = frozenset({"overlay", "nfs", "nfs4", "vfat", "exfat", "fuse", "fuseblk", "9p", "ecryptfs", "zfs"})


def choose(data: DataRoot, name: str | None = None) -> GraphDriver:
    """The driver called ``name``, or the best that the file system below the data root can carry.

    Raises Invalid for an unknown name.
    """
    backing = filesystem_of(data.root, Path("/proc/self/mountinfo").read_text())
    name = name or ("vfs" if backing in _NO_UPPER else "overlay2")
    if name in ("overlay2", "overlay"):
        return Overlay2(data.graphdriver("overlay2"), backing)
    if name == "vfs":
        return Vfs(data.graphdriver("vfs"))
    raise Invalid(f"driver not supported: {name}")


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
