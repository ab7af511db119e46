"""fuse-overlayfs: layers as of overlay2, stacked by a program where the kernel's overlayfs does not serve.

::

    fuse-overlayfs/             as overlay2/, and
    └── CONTAINER-ID/merged/    where the program mounts the stack until the container has it

The program is mounted on the host when a container is about to start, and taken from the host again once the container
has its copy of the mount (`rest`): it then lives as long as the container does, nobody has to end it, and nothing but
that container's file system ends when it is killed. The next start mounts anew.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from corral.errors import Unavailable, Unsupported
from corral.image.graphdriver.overlay2 import Overlay2
from corral.linux.mount import MNT_DETACH, umount2
from corral.oci.rootfs import RootfsMount

PROGRAM: Final = "fuse-overlayfs"
_SECONDS: Final = 20


class FuseOverlayfs(Overlay2):
    name = PROGRAM
    instant = False

    def __init__(self, root: Path, backing: str = "") -> None:
        """Raises Unsupported when the program or the kernel's part is missing."""
        if reason := missing():
            raise Unsupported(f"storage driver {PROGRAM}: {reason}: prerequisites for driver not satisfied")
        super().__init__(root, backing)

    def mounts(self, container_id: str, parent: str | None) -> tuple[RootfsMount, ...]:
        (overlay,) = super().mounts(container_id, parent)
        merged = self._merged(container_id)
        if not _alive(merged):
            self.rest(container_id)
            os.makedirs(merged, 0o700, exist_ok=True)
            stack(overlay.options, overlay.base, merged)
        return (RootfsMount(type="bind", source=merged),)

    def rest(self, container_id: str) -> None:
        with contextlib.suppress(OSError):  # it is not mounted
            umount2(self._merged(container_id), MNT_DETACH)

    def remove(self, layer: str, trash: Path) -> Path | None:
        self.rest(layer)
        return super().remove(layer, trash)

    def status(self) -> list[tuple[str, str]]:
        return [("Backing Filesystem", self._backing or "unknown"), ("Mount Program", shutil.which(PROGRAM) or PROGRAM)]

    def _merged(self, container_id: str) -> str:
        return f"{self._dir(container_id)}/merged"


def missing() -> str:
    """What is not there; "" when all is."""
    if shutil.which(PROGRAM) is None:
        return f"program {PROGRAM} is not installed"
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse cannot be used"
    return ""


def serves(directory: Path) -> bool:
    """Whether a stack on this file system works: tried once, with a removal, which is what fails elsewhere."""
    if missing():
        return False
    directory.mkdir(mode=0o710, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="probe-", dir=directory) as scratch:
        for name in ("lower", "upper", "work", "merged"):
            os.mkdir(f"{scratch}/{name}")
        Path(scratch, "lower", "file").touch()
        options = ("lowerdir=lower", "upperdir=upper", "workdir=work")
        try:
            stack(options, scratch, f"{scratch}/merged")
        except Unavailable:
            return False
        try:
            os.unlink(f"{scratch}/merged/file")
            return bool(os.listdir(f"{scratch}/upper"))
        except OSError:
            return False
        finally:
            umount2(f"{scratch}/merged", MNT_DETACH)


def stack(options: tuple[str, ...], base: str, merged: str) -> None:
    """Mounts an overlay; the program goes on in the background. Raises Unavailable with its words."""
    command = [PROGRAM, "-o", ",".join(_absolute(option, base) for option in options if _known(option)), merged]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{PROGRAM}: {error}") from error
    if done.returncode != 0 or not os.path.ismount(merged):
        words = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
        raise Unavailable(f"{PROGRAM}: cannot mount {merged}: {words}")


def _known(option: str) -> bool:
    return option.partition("=")[0] in ("lowerdir", "upperdir", "workdir")


def _absolute(option: str, base: str) -> str:
    key, _, value = option.partition("=")
    return f"{key}={':'.join(os.path.realpath(os.path.join(base, path)) for path in value.split(':'))}"


def _alive(merged: str) -> bool:
    """Whether it is mounted and somebody answers."""
    try:
        os.stat(merged)
        return os.path.ismount(merged)
    except OSError:
        return False
