"""One daemon per data root and exec root: the locks that keep a second one away, directories, and the pid file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from corral.errors import Conflict, Unavailable
from corral.image.graphdriver.choose import filesystem_of
from corral.linux import mount
from corral.linux.inode_flags import spread
from corral.store.layout import DataRoot, ExecRoot
from corral.store.lock import exclusive

__all__ = ["keep_in_memory", "lock_root", "make_directories", "pid_file"]


def keep_in_memory(execution: ExecRoot) -> None:
    """Mounts a tmpfs on an exec root that is not on one: what lies there must be gone after a reboot.

    A supervisor that runs has its files there already, and is left alone. Raises Unavailable.
    """
    root = execution.root
    try:
        root.mkdir(mode=0o711, parents=True, exist_ok=True)
        in_use = execution.supervisor_socket.exists()
        if not in_use and filesystem_of(root, Path("/proc/self/mountinfo").read_text()) not in ("tmpfs", "ramfs"):
            mount.mount("corral", str(root), "tmpfs", mount.MS_NOSUID | mount.MS_NODEV, "mode=711")
    except OSError as error:
        raise Unavailable(f"cannot make the exec root {root}: {error.strerror}") from None


def make_directories(data: DataRoot, execution: ExecRoot) -> None:
    """0711 where containers' own users must be able to pass, 0700 or 0710 else. Raises Unavailable."""
    modes = {
        data.root: 0o711,
        data.containers: 0o710,
        data.blobs.parent: 0o710,
        data.volumes: 0o711,
        data.trash: 0o700,
        data.tmp: 0o700,
        execution.root: 0o711,
        execution.containers: 0o711,
        execution.netns: 0o711,
        execution.seccomp: 0o700,
        execution.tmp: 0o700,
    }
    for path, mode in modes.items():
        _make(path, mode)
    for path in (data.containers, data.volumes):
        spread(str(path))


def _make(path: Path, mode: int) -> None:
    try:
        if not path.is_dir():
            path.mkdir(mode=mode, parents=True, exist_ok=True)
            path.chmod(mode)
    except OSError as error:
        raise Unavailable(f"cannot make the directory {path}: {error.strerror}") from None


@contextlib.contextmanager
def lock_root(root: DataRoot | ExecRoot) -> Iterator[None]:
    """Makes the directory if need be, and nothing else before it is known to be ours.

    Raises Conflict when another daemon has it; the kernel gives it back however this process ends.
    """
    _make(root.root, 0o711)
    kind = "data" if isinstance(root, DataRoot) else "exec"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(exclusive(root.lock, f"another corrald is running on the {kind} root {root.root}"))
        except OSError as error:
            raise Unavailable(f"cannot open {root.lock}: {error.strerror}") from None
        yield


@contextlib.contextmanager
def pid_file(path: Path) -> Iterator[None]:
    """Raises Conflict when the process that it names is a running daemon."""
    pid = _read(path)
    if pid and pid != os.getpid() and _is_daemon(pid):
        raise Conflict(f"process with PID {pid} is still running: delete {path} if it is not a corrald")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{os.getpid()}")
    except OSError as error:
        raise Unavailable(f"cannot write the pid file {path}: {error.strerror}") from None
    try:
        yield
    finally:
        if _read(path) == os.getpid():
            with contextlib.suppress(OSError):
                path.unlink()


def _read(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _is_daemon(pid: int) -> bool:
    """A pid alone may have been given to anything since the file was written."""
    try:
        return b"corral" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
