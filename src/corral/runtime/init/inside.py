"""The container's root as a descriptor, and paths resolved inside it.

Whoever made the image chose what its symbolic links say, and other containers may change a shared volume while we
look at it. Every path is therefore resolved by the kernel as if the root were / (openat2(2) RESOLVE_IN_ROOT: absolute
links and ".." stay inside, CVE-2019-16884, CVE-2021-30465), magic links of /proc are refused, and the caller gets an
O_PATH descriptor to work on, never a path to be looked up a second time.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from typing import Final

from corral.linux.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2

__all__ = ["Root", "absolute"]

_RESOLVE: Final = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
_MAX_LINKS: Final = 40
_MAX_TRIES: Final = 128


def absolute(path: str) -> str:
    """``path`` as seen from the root, without dots, doubled slashes and a trailing slash."""
    return posixpath.normpath("/" + path.lstrip("/"))


class Root:
    """``fd``: a descriptor of the root directory, O_PATH is enough. All methods raise OSError."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def open(self, path: str, flags: int = os.O_PATH) -> int:
        """Open what exists; close-on-exec."""
        for _ in range(_MAX_TRIES):
            try:
                return openat2(self.fd, path, flags, resolve=_RESOLVE)
            except BlockingIOError:  # ".." raced with a rename somewhere on the machine: openat2(2), EAGAIN
                continue
        return openat2(self.fd, path, flags, resolve=_RESOLVE)

    def find(self, path: str, flags: int = os.O_PATH) -> int | None:
        """``open``, or None when it does not exist."""
        try:
            return self.open(path, flags)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def ensure(self, path: str, *, directory: bool, mode: int = 0o755) -> int:
        """An O_PATH descriptor of ``path``, made when it is missing: its parents, then an empty directory or file.

        A dangling link is followed as far as it goes and its target is made (inside), as Docker does: images of
        systemd's have such an /etc/resolv.conf. What exists is taken as it is, whatever its type.
        """
        try:
            return self.open(path)
        except FileNotFoundError:
            pass
        return self._make(path, directory, mode)

    def _make(self, path: str, directory: bool, mode: int) -> int:
        done: list[str] = []
        todo = _components(path)
        links = 0
        fd = self.open(".")
        try:
            while todo:
                name = todo.pop()
                if name == "..":
                    done = done[:-1]
                    fd = self._replace(fd, "/".join(done) or ".")
                    continue
                last = not todo
                target = "/".join([*done, name])
                try:
                    found = self.open(target, os.O_PATH | os.O_NOFOLLOW)
                except FileNotFoundError:
                    _create(fd, name, directory or not last, mode)
                    found = self.open(target, os.O_PATH | os.O_NOFOLLOW)
                if stat.S_ISLNK(os.fstat(found).st_mode):
                    link = os.readlink("", dir_fd=found)
                    os.close(found)
                    links += 1
                    if links > _MAX_LINKS:
                        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                    if link.startswith("/"):
                        done = []
                        fd = self._replace(fd, ".")
                    todo += _components(link)
                    continue
                os.close(fd)
                fd = found
                done.append(name)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _replace(self, fd: int, path: str) -> int:
        fresh = self.open(path)
        os.close(fd)
        return fresh


def _components(path: str) -> list[str]:
    """In reverse, so that ``pop`` gives the next one."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _create(parent: int, name: str, directory: bool, mode: int) -> None:
    """Make ``name`` in the directory ``parent``; somebody else's may be there already."""
    try:
        if directory:
            os.mkdir(name, mode, dir_fd=parent)
        else:
            flags = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(name, flags, mode, dir_fd=parent))
    except FileExistsError:
        return
