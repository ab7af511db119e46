"""An exact copy of a tree: owners, modes, times, attributes, hard links, devices, holes; data shared if it can be."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from typing import Final

from corral.archive.walk import Node, open_root, regions, walk
from corral.archive.whiteout import OVERLAY_XATTRS

_FICLONE: Final = 0x40049409
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE: Final = 1 << 24
_NO_CLONE: Final = (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY)


def copy_tree(source: str, target: str) -> None:
    """Copies what is in ``source`` into ``target``, an existing empty directory, whose attributes become the source's.

    Raises OSError.
    """
    copier = _Copier(os.fsencode(target))
    root = open_root(source)
    try:
        for node in walk(root):
            copier.node(node)
        copier.finish()
    finally:
        os.close(root)


class _Copier:
    def __init__(self, target: bytes) -> None:
        self._target = target
        self._links: dict[int, bytes] = {}
        self._times: list[tuple[bytes, int, int]] = []
        self._clone = True

    def node(self, node: Node) -> None:
        info = node.info
        path = os.path.join(self._target, node.path) if node.path else self._target
        if not stat.S_ISDIR(info.st_mode) and info.st_nlink > 1:
            first = self._links.setdefault(info.st_ino, path)
            if first != path:
                os.link(first, path, follow_symlinks=False)
                return
        if stat.S_ISDIR(info.st_mode):
            if node.path:
                os.mkdir(path, 0o700)
            self._times.append((path, info.st_atime_ns, info.st_mtime_ns))
        elif stat.S_ISREG(info.st_mode):
            self._regular(node, path)
        elif stat.S_ISLNK(info.st_mode):
            os.symlink(node.readlink(), path)
        else:
            os.mknod(path, info.st_mode, info.st_rdev)
        os.chown(path, info.st_uid, info.st_gid, follow_symlinks=False)
        if not stat.S_ISLNK(info.st_mode):
            os.chmod(path, stat.S_IMODE(info.st_mode))
        for name, value in node.xattrs().items():
            if not name.startswith(OVERLAY_XATTRS):
                os.setxattr(path, name, value, follow_symlinks=False)
        if not stat.S_ISDIR(info.st_mode):
            os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns), follow_symlinks=False)

    def _regular(self, node: Node, path: bytes) -> None:
        with node.open() as source:
            target = os.open(path, _CREATE, 0o600)
            try:
                self._data(source, target, node.info.st_size)
            finally:
                os.close(target)

    def _data(self, source: int, target: int, size: int) -> None:
        if self._clone and size:
            try:
                fcntl.ioctl(target, _FICLONE, source)
                return
            except OSError as error:
                if error.errno not in _NO_CLONE:
                    raise
                self._clone = False
        for offset, length in regions(source, size):
            position, end = offset, offset + length
            while position < end:
                count = os.copy_file_range(source, target, min(end - position, _PIECE), position, position)
                if not count:
                    break
                position += count
        os.ftruncate(target, size)

    def finish(self) -> None:
        """Directories change their times whenever something is made in them, so theirs are set at the end."""
        for path, accessed, modified in reversed(self._times):
            os.utime(path, ns=(accessed, modified))
