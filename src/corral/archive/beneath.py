"""Directories below a root that nothing in the tree can lead out of.

Paths are resolved by ``openat2`` with RESOLVE_IN_ROOT: symbolic links are followed as in a chroot, so that a layer in
which ``lib`` is a link to ``usr/lib`` takes ``lib/x`` as its author meant it, while ``..``, absolute links and magic
links cannot leave. The last component of a name is never resolved: it is used with ``dir_fd`` and without following.

The tree belongs to one writer, so descriptors of directories may be kept: consecutive members of an archive mostly
share their parent. Whoever replaces or moves a directory or a symbolic link calls `forget`.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Final, Self

from corral.errors import Invalid
from corral.linux.openat2 import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2

_RESOLVE: Final = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY
_KEPT: Final = 400
_SHOWN: Final = 200


def components(name: bytes) -> list[bytes]:
    """The name's parts, lexically cleaned: ``.`` dropped, ``..`` taken back.

    Raises Invalid when ``..`` leads above the root, or a zero byte is inside.
    """
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part in (b"", b"."):
            continue
        if part == b"..":
            if not parts:
                raise Invalid(f"{display(name)} is outside of the archive's root")
            parts.pop()
        else:
            parts.append(part)
    if b"\0" in name:
        raise Invalid(f"{display(name)} contains a zero byte")
    return parts


def display(name: bytes) -> str:
    """A name for an error message, not all of it if it is very long."""
    if len(name) > _SHOWN:
        name = name[: _SHOWN // 2] + b"..." + name[-_SHOWN // 2 :]
    return repr(name.decode("utf-8", "backslashreplace"))


class Parent:
    """An open directory: its descriptor, and its real path below the root with a slash at the end ("" for the root)."""

    __slots__ = ("fd", "path")

    def __init__(self, fd: int, path: bytes) -> None:
        self.fd = fd
        self.path = path


class Beneath:
    """The tree below ``root``. A context manager that closes what it keeps open."""

    def __init__(self, root: bytes | int) -> None:
        """``root``: its path, or a descriptor that stays the caller's."""
        self.fd = os.dup(root) if isinstance(root, int) else os.open(root, _DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._prefix = len(os.readlink(b"/proc/self/fd/%d" % self.fd).rstrip(b"/")) + 1
        self._kept: dict[bytes, Parent] = {}
        self._spared: list[Parent] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.forget()
        os.close(self.fd)

    def forget(self, spare: Parent | None = None) -> None:
        """Resolve every path anew from here on. The descriptor of ``spare`` stays open until the next call."""
        closing = {*self._kept.values(), *self._spared}
        self._spared = [] if spare is None else [spare]
        self._kept.clear()
        for parent in closing.difference(self._spared):
            os.close(parent.fd)

    def trim(self) -> None:
        """Called between members, when no parent is in use: bounds the number of open descriptors."""
        if len(self._kept) > _KEPT:
            self.forget()

    def keep(self, name: bytes, fd: int, path: bytes) -> None:
        """``fd``, owned from now on, is the directory that ``name`` leads to, and ``path`` its real path."""
        known = self._kept.get(name)
        if known is not None:
            self._spared.append(known)
        self._kept[name] = Parent(fd, path + b"/")

    def locate(self, name: bytes, *, create: bool = False) -> tuple[Parent, bytes]:
        """The directory that holds ``name``, and the last component (b"" for the root itself).

        ``create`` makes missing directories, root's and 0755. Raises Invalid for a name that leads outside or through
        something that is no directory, OSError (ENOENT) for a missing one.
        """
        head, _, base = name.rpartition(b"/")
        if base in (b"", b".", b".."):
            parts = components(name)
            base = parts.pop() if parts else b""
            head = b"/".join(parts)
        elif b"\0" in base:
            raise Invalid(f"{display(name)} contains a zero byte")
        kept = self._kept.get(head)
        return (kept or self._open(head, create), base)

    def _open(self, head: bytes, create: bool) -> Parent:
        clean = b"/".join(components(head))
        fd = self._directory(clean, create)
        path = os.readlink(b"/proc/self/fd/%d" % fd)[self._prefix :]
        parent = self._kept[head] = Parent(fd, path + b"/" if path else b"")
        return parent

    def _directory(self, clean: bytes, create: bool) -> int:
        try:
            return openat2(self.fd, clean or b".", _DIRECTORY, resolve=_RESOLVE)
        except NotADirectoryError:
            raise Invalid(f"a parent of {display(clean)} is not a directory") from None
        except FileNotFoundError:
            if not create or not clean:
                raise
        head, _, base = clean.rpartition(b"/")
        parent = self._directory(head, create)
        try:
            os.mkdir(base, 0o755, dir_fd=parent)
        except FileExistsError:
            raise Invalid(f"{display(clean)} is a symbolic link to nowhere, not a directory") from None
        finally:
            os.close(parent)
        return openat2(self.fd, clean, _DIRECTORY, resolve=_RESOLVE)
