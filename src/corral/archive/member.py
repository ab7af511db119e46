"""Nodes of a tree as members of a new tar: headers, contents, hard links among them recognised."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Final

from corral.archive import entry as kinds
from corral.archive import header, whiteout, writer
from corral.archive.entry import Entry
from corral.archive.owners import CAPABILITY, Owners, rootless
from corral.archive.walk import Node, regions

_PIECE: Final = 256 * 1024
_HOLES_MINIMUM: Final = 4096
_OPAQUE: Final = whiteout.OPAQUE_XATTR.encode()


class Members:
    """``opaque``: whether the node that was written last had overlayfs's mark, which is in no archive."""

    def __init__(self, owners: Owners | None = None) -> None:
        self._owners = owners
        self._linked: dict[tuple[int, int], bytes] = {}
        self.opaque = False

    def of(self, node: Node, name: bytes | None = None) -> Iterator[bytes]:
        """All blocks of one member; nothing for a socket. ``name``: instead of the node's path. Raises OSError."""
        entry = self.entry(node, name)
        if entry is None:
            return
        yield writer.encode(entry)
        if entry.size:
            yield from content(node, entry)
            if padding := header.padding(entry.size):
                yield bytes(padding)

    def entry(self, node: Node, name: bytes | None = None) -> Entry | None:
        """The member without its content; None for a socket. Raises OSError."""
        info = node.info
        mode = info.st_mode
        if stat.S_ISSOCK(mode):
            return None  # a socket is nothing without the process that bound it
        path = node.path if name is None else name
        entry = Entry(path, mode=stat.S_IMODE(mode))
        entry.uid, entry.gid, entry.mtime = info.st_uid, info.st_gid, info.st_mtime_ns
        if self._owners is not None:
            entry.uid, entry.gid = self._owners.uid(entry.uid), self._owners.gid(entry.gid)
        is_directory = stat.S_ISDIR(mode)
        if info.st_nlink > 1 and not is_directory:
            first = self._linked.setdefault((info.st_dev, info.st_ino), path)
            if first != path:
                entry.kind, entry.linkname = kinds.HARDLINK, first
                return entry
        xattrs = node.xattrs()
        self.opaque = is_directory and xattrs.get(_OPAQUE) == b"y"
        if xattrs:
            self._own(entry, xattrs)
        if stat.S_ISREG(mode):
            _measure(node, entry)
        elif is_directory:
            entry.kind = kinds.DIRECTORY
            entry.name = path if path.endswith(b"/") else path + b"/" if path else b"./"
        elif stat.S_ISLNK(mode):
            entry.kind, entry.linkname = kinds.SYMLINK, node.readlink()
        elif stat.S_ISFIFO(mode):
            entry.kind = kinds.FIFO
        else:
            entry.kind = kinds.CHARACTER if stat.S_ISCHR(mode) else kinds.BLOCK
            entry.major, entry.minor = os.major(info.st_rdev), os.minor(info.st_rdev)
        return entry

    def _own(self, entry: Entry, xattrs: dict[bytes, bytes]) -> None:
        entry.xattrs = {
            name: value for name, value in xattrs.items() if not name.startswith(whiteout.NOT_THE_FILES_OWN)
        }
        if self._owners is not None and CAPABILITY in entry.xattrs:
            entry.xattrs[CAPABILITY] = rootless(entry.xattrs[CAPABILITY])


def _measure(node: Node, entry: Entry) -> None:
    """The lengths of a regular file, and where its data is if it has holes."""
    size = entry.size = entry.real_size = node.info.st_size
    if node.info.st_blocks * 512 + _HOLES_MINIMUM <= size:
        with node.open() as fd:
            entry.regions = regions(fd, size)
        entry.size = sum(length for _, length in entry.regions)


def content(node: Node, entry: Entry) -> Iterator[bytes]:
    """The payload of a regular file, region by region. Raises OSError."""
    with node.open() as fd:
        for offset, length in entry.regions or ((0, entry.size),):
            yield from _content(fd, offset, length)


def _content(fd: int, offset: int, length: int) -> Iterator[bytes]:
    """Exactly ``length`` bytes: a file that shrinks meanwhile is filled up, as tar(1) does."""
    while length:
        piece = os.pread(fd, min(length, _PIECE), offset) or bytes(min(length, _PIECE))
        yield piece
        offset += len(piece)
        length -= len(piece)
