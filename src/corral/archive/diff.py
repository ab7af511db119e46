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

from corral.archive import header, whiteout, writer
from corral.archive.compare import compare
from corral.archive.entry import Entry
from corral.archive.member import Members, content
from corral.archive.owners import Owners
from corral.archive.walk import Node, open_root, walk

_SECOND: Final = 1_000_000_000

Item = tuple[Entry, Node | None]
"""A member, and where its content is; None: it has none."""


def diff(root: str, base: str | None, *, root_given: bool = True, owners: Owners | None = None) -> Iterator[bytes]:
    """The tar in pieces; parameters as of `items`. Raises OSError."""
    for entry, node in items(root, base, root_given=root_given, owners=owners):
        yield writer.encode(entry)
        if node is not None and entry.size:
            yield from content(node, entry)
            if padding := header.padding(entry.size):
                yield bytes(padding)
    yield writer.END


def items(root: str, base: str | None, *, root_given: bool = True, owners: Owners | None = None) -> Iterator[Item]:
    """The members. ``base`` None: ``root`` is an upper directory. ``root_given``: the root directory's own attributes
    are among the changes. ``owners``: of whom the files are to be instead.

    A node is valid until the next item is asked for. Raises OSError.
    """
    members = Members(owners)
    return _overlay(root, members, root_given) if base is None else _compared(root, base, members, root_given)


def _overlay(root: str, members: Members, root_given: bool) -> Iterator[Item]:
    fd = open_root(root)
    try:
        for node in walk(fd):
            info = node.info
            if whiteout.is_device(info.st_mode, info.st_rdev):
                yield _mark(_hidden(node.path), info), None
                continue
            entry = members.entry(node)
            if entry is None:
                continue
            if node.path or root_given:
                yield entry, node
            if stat.S_ISDIR(info.st_mode) and members.opaque:
                yield _mark((node.path + b"/" if node.path else b"") + whiteout.OPAQUE, info), None
    finally:
        os.close(fd)


def _compared(root: str, base: str, members: Members, root_given: bool) -> Iterator[Item]:
    for change in compare(root, base):
        if change.node is None:
            yield _mark(_hidden(change.path), change.info), None
        elif change.path or root_given:
            entry = members.entry(change.node)
            if entry is not None:
                yield entry, change.node


def _hidden(path: bytes) -> bytes:
    directory, slash, name = path.rpartition(b"/")
    return directory + slash + whiteout.PREFIX + name


def _mark(name: bytes, info: os.stat_result) -> Entry:
    entry = Entry(name, mode=0)
    entry.mtime = info.st_mtime_ns // _SECOND * _SECOND
    return entry
