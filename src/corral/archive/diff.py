"""The way back: what a layer changes, as the tar that says so.

The changes are read either from a directory that holds nothing else, with overlayfs's marks (an upper directory), or by
comparing a whole tree with the one it was copied from. Either way the tar holds every changed member with all its
attributes, the directories above it, and whiteouts for what is gone; `corral.archive.apply` makes the same layer of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Final

from corral.archive import entry as kinds
from corral.archive import header, whiteout, writer
from corral.archive.compare import compare
from corral.archive.entry import Entry
from corral.archive.walk import Node, open_root, regions, walk

_PIECE: Final = 256 * 1024
_HOLES_MINIMUM: Final = 4096
Write = Callable[[bytes], object]


def diff(root: str, base: str | None, write: Write) -> None:
    """Writes the tar. ``base`` None: ``root`` is an upper directory. Raises OSError."""
    packer = _Packer(write)
    if base is None:
        _overlay(root, packer)
    else:
        _compared(root, base, packer)
    write(writer.END)


def _overlay(root: str, packer: _Packer) -> None:
    fd = open_root(root)
    try:
        for node in walk(fd):
            if whiteout.is_device(node.info.st_mode, node.info.st_rdev):
                packer.whiteout(node.path, node.info)
                continue
            packer.node(node)
            if stat.S_ISDIR(node.info.st_mode) and node.xattrs().get(whiteout.OPAQUE_XATTR.encode()) == b"y":
                packer.opaque(node.path, node.info)
    finally:
        os.close(fd)


def _compared(root: str, base: str, packer: _Packer) -> None:
    for change in compare(root, base):
        if change.node is None:
            packer.whiteout(change.path, change.info)
        else:
            packer.node(change.node)


class _Packer:
    """Members of the new tar, hard links among them recognised."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._linked: dict[tuple[int, int], bytes] = {}

    def node(self, node: Node) -> None:
        info = node.info
        entry = Entry(node.path, mode=stat.S_IMODE(info.st_mode))
        entry.uid, entry.gid, entry.mtime = info.st_uid, info.st_gid, info.st_mtime_ns
        if stat.S_ISSOCK(info.st_mode):
            return  # a socket is nothing without the process that bound it
        if not stat.S_ISDIR(info.st_mode) and info.st_nlink > 1:
            first = self._linked.setdefault((info.st_dev, info.st_ino), node.path)
            if first != node.path:
                entry.kind, entry.linkname = kinds.HARDLINK, first
                self._write(writer.encode(entry))
                return
        entry.xattrs = {
            name: value for name, value in node.xattrs().items() if not name.startswith(whiteout.NOT_THE_FILES_OWN)
        }
        if stat.S_ISREG(info.st_mode):
            self._regular(node, entry)
            return
        if stat.S_ISDIR(info.st_mode):
            entry.kind, entry.name = kinds.DIRECTORY, node.path + b"/" if node.path else b"./"
        elif stat.S_ISLNK(info.st_mode):
            entry.kind, entry.linkname = kinds.SYMLINK, node.readlink()
        elif stat.S_ISFIFO(info.st_mode):
            entry.kind = kinds.FIFO
        else:
            entry.kind = kinds.CHARACTER if stat.S_ISCHR(info.st_mode) else kinds.BLOCK
            entry.major, entry.minor = os.major(info.st_rdev), os.minor(info.st_rdev)
        self._write(writer.encode(entry))

    def _regular(self, node: Node, entry: Entry) -> None:
        size = node.info.st_size
        with node.open() as fd:
            parts = [(0, size)]
            if node.info.st_blocks * 512 + _HOLES_MINIMUM <= size:
                parts = regions(fd, size)
                entry.regions = parts
            entry.real_size = size
            entry.size = sum(length for _, length in parts)
            self._write(writer.encode(entry))
            for offset, length in parts:
                self._content(fd, offset, length)
        self._write(bytes(header.padding(entry.size)))

    def _content(self, fd: int, offset: int, length: int) -> None:
        """Exactly ``length`` bytes: a file that shrinks meanwhile is filled up, as tar(1) does."""
        while length:
            piece = os.pread(fd, min(length, _PIECE), offset) or bytes(min(length, _PIECE))
            self._write(piece)
            offset += len(piece)
            length -= len(piece)

    def whiteout(self, path: bytes, info: os.stat_result) -> None:
        directory, slash, name = path.rpartition(b"/")
        self._mark(directory + slash + whiteout.PREFIX + name, info)

    def opaque(self, path: bytes, info: os.stat_result) -> None:
        self._mark((path + b"/" if path else b"") + whiteout.OPAQUE, info)

    def _mark(self, name: bytes, info: os.stat_result) -> None:
        entry = Entry(name, mode=0)
        entry.mtime = info.st_mtime_ns // 1_000_000_000 * 1_000_000_000
        self._write(writer.encode(entry))
