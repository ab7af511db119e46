"""The way back: what a layer changes, as the tar that says so.

The changes are read either from a directory that holds nothing else, with overlayfs's marks (an upper directory), or by
comparing a whole tree with the one it was copied from. Either way the tar holds every changed member with all its
attributes, the directories above it, and whiteouts for what is gone; `corral.archive.apply` makes the same layer of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Final

from corral.archive import whiteout, writer
from corral.archive.compare import compare
from corral.archive.entry import Entry
from corral.archive.member import Members
from corral.archive.owners import Owners
from corral.archive.walk import open_root, walk

_SECOND: Final = 1_000_000_000


def diff(root: str, base: str | None, *, root_given: bool = True, owners: Owners | None = None) -> Iterator[bytes]:
    """The tar in pieces. ``base`` None: ``root`` is an upper directory. ``root_given``: the root directory's own
    attributes are among the changes. ``owners``: of whom the files are to be instead. Raises OSError.
    """
    members = Members(owners)
    changes = _overlay(root, members, root_given) if base is None else _compared(root, base, members, root_given)
    yield from changes
    yield writer.END


def _overlay(root: str, members: Members, root_given: bool) -> Iterator[bytes]:
    fd = open_root(root)
    try:
        for node in walk(fd):
            info = node.info
            if not stat.S_ISDIR(info.st_mode):
                if whiteout.is_device(info.st_mode, info.st_rdev):
                    yield _mark(_hidden(node.path), info)
                else:
                    yield from members.of(node)
                continue
            if node.path or root_given:
                yield from members.of(node)
            if members.opaque:
                yield _mark((node.path + b"/" if node.path else b"") + whiteout.OPAQUE, info)
    finally:
        os.close(fd)


def _compared(root: str, base: str, members: Members, root_given: bool) -> Iterator[bytes]:
    for change in compare(root, base):
        if change.node is None:
            yield _mark(_hidden(change.path), change.info)
        elif change.path or root_given:
            yield from members.of(change.node)


def _hidden(path: bytes) -> bytes:
    directory, slash, name = path.rpartition(b"/")
    return directory + slash + whiteout.PREFIX + name


def _mark(name: bytes, info: os.stat_result) -> bytes:
    entry = Entry(name, mode=0)
    entry.mtime = info.st_mtime_ns // _SECOND * _SECOND
    return writer.encode(entry)
