"""What is kept of a container between two commands: its directory below ``--root``.

::

    ROOT/                  0711
    └── ID/                0700, its owner the caller; flock on it held by whoever changes the container
        ├── config.json    the bundle's, as it was at ``create``, with what ``update`` has changed
        ├── state.json     see ``Record``; there since the first process is
        ├── door           listening socket of a created process that waits for ``start``, see ``door``
        ├── seccomp.bpf    the compiled filter, if there is one, for later execs
        └── .NAME          a file that is being written

Files appear atomically. A directory without state.json belongs to a creation that is under way, or to one that was
killed, whose child has ended by itself; ``lock`` tells the two apart.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from typing import Any, Final

from corral.errors import Conflict, Forbidden, Invalid, NotFound
from corral.oci.codec import compact

__all__ = ["Record", "Records", "check_id"]

CONFIG: Final = "config.json"
STATE: Final = "state.json"
DOOR: Final = "door"
FILTER: Final = "seccomp.bpf"

_LONGEST: Final = 1024
_ALLOWED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")


class Record:
    """state.json. ``pid``, ``ticks``: the first process and when it began, in clock ticks since boot; ``created``:
    nanoseconds since the epoch; ``cgroup``: what ``Cgroup.at`` finds it by; ``own_pids``: it has a PID namespace;
    ``pending``: its program was not yet known to run when this was written."""

    __slots__ = ("annotations", "bundle", "cgroup", "created", "own_pids", "pending", "pid", "rootfs", "ticks")

    pid: int
    ticks: int
    created: int
    bundle: str
    rootfs: str
    cgroup: str
    own_pids: bool
    pending: bool
    annotations: dict[str, str]

    def __init__(self, **fields: Any) -> None:
        for name in self.__slots__:
            setattr(self, name, fields[name])

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def check_id(id: str) -> str:
    """Raises Invalid for what cannot be a directory's name, or should not."""
    if not id:
        raise Invalid("container id cannot be empty")
    if id in (".", "..") or len(id) > _LONGEST or not _ALLOWED.issuperset(id):
        raise Invalid(f"invalid container ID format: {id}")
    return id


class Directory:
    """One container's, by descriptor: what is done to the path meanwhile does not matter."""

    __slots__ = ("fd", "id", "root")

    def __init__(self, root: str, id: str, fd: int) -> None:
        self.root = root
        self.id = id
        self.fd = fd

    def lock(self, *, wait: bool = True) -> bool:
        """Until it is closed. False when somebody else has it."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def unlock(self) -> None:
        fcntl.flock(self.fd, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self.fd)

    def read(self, name: str) -> bytes:
        """Raises FileNotFoundError."""
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=self.fd)
        try:
            content = b""
            while chunk := os.read(fd, 1 << 20):
                content += chunk
            return content
        finally:
            os.close(fd)

    def write(self, name: str, content: bytes) -> None:
        """Atomically. Only one who has the lock writes, so that the temporary name is nobody else's."""
        temporary = f".{name}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(temporary, flags, 0o600, dir_fd=self.fd)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(fd, view) :]
        finally:
            os.close(fd)
        os.rename(temporary, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)

    def record(self) -> Record | None:
        """None when there is none (yet)."""
        try:
            return Record(**json.loads(self.read(STATE)))
        except FileNotFoundError:
            return None

    def save(self, record: Record) -> None:
        self.write(STATE, compact(record.to_json()))

    def config(self) -> dict[str, Any]:
        """Raises FileNotFoundError, ValueError."""
        value = json.loads(self.read(CONFIG))
        if not isinstance(value, dict):
            raise ValueError("not an object")  # noqa: TRY004 -- of the text, not of a caller's
        return value

    def forget(self, name: str) -> None:
        """Idempotent."""
        try:
            os.unlink(name, dir_fd=self.fd)
        except FileNotFoundError:
            return

    def remove(self) -> None:
        """With all that is in it. Idempotent."""
        for name in os.listdir(self.fd):
            self.forget(name)
        try:
            os.rmdir(f"{self.root}/{self.id}")
        except FileNotFoundError:
            return


class Records:
    """All of one ``--root``."""

    __slots__ = ("_root",)

    def __init__(self, root: str) -> None:
        self._root = os.path.abspath(root)

    def make(self, id: str) -> Directory | None:
        """A new one, locked. None when there is one. Raises Invalid, OSError."""
        os.makedirs(self._root, 0o711, exist_ok=True)
        try:
            os.mkdir(f"{self._root}/{check_id(id)}", 0o700)
        except FileExistsError:
            return None
        directory = self._open(id)
        directory.lock()
        return directory

    def open(self, id: str) -> Directory:
        """Raises Invalid, NotFound, Forbidden for one that others may have written to."""
        check_id(id)
        try:
            return self._open(id)
        except FileNotFoundError:
            raise NotFound("container does not exist") from None

    def ids(self) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self._root) if not name.startswith("."))
        except FileNotFoundError:
            return []

    def _open(self, id: str) -> Directory:
        path = f"{self._root}/{id}"
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except NotADirectoryError:
            raise Conflict(f"{path}: not a directory") from None
        status = os.fstat(fd)
        if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            os.close(fd)
            mode = stat.S_IMODE(status.st_mode)
            raise Forbidden(f"{path}: owned by user {status.st_uid}, mode {mode:o}: not trusted")
        return Directory(self._root, id, fd)
