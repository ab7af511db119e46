"""Comparing a tree with the one that it was copied from.

Nothing but metadata is read: whoever changes a file's content changes its time, size or both, unless he takes pains to
hide it, and the copy had them to the nanosecond.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from corral.archive.walk import Node, open_root, walk


@dataclass(frozen=True, slots=True)
class Change:
    """``node``: what is new or changed, or a directory above that; None: ``path`` is gone.

    ``info``: of what is there, or was.
    """

    path: bytes
    info: os.stat_result
    node: Node | None


def compare(root: str, base: str) -> Iterator[Change]:
    """Changes in the order of the walk, a directory before what is in it; a removed directory stands for its contents.

    A node is valid until the next change is asked for. Raises OSError.
    """
    changed, removed = _survey(root, base)
    root_fd = open_root(root)
    try:
        for node in walk(root_fd):
            if node.path in changed:
                yield Change(node.path, node.info, node)
            for path, info in removed.pop(node.path, ()):
                yield Change(path, info, None)
    finally:
        os.close(root_fd)


Removed = dict[bytes, list[tuple[bytes, os.stat_result]]]


def _survey(root: str, base: str) -> tuple[set[bytes], Removed]:
    """What to show: changed paths with all directories above them, and what is gone by the directory it was in."""
    old = _snapshot(base)
    changed: set[bytes] = set()
    gone = dict(old)
    names: dict[int, list[bytes]] = {}
    fd = open_root(root)
    try:
        for node in walk(fd):
            before = gone.pop(node.path, None)
            if before is None or not _same(before, (node.info, _extra(node))):
                _add(changed, node.path)
            if node.info.st_nlink > 1 and not stat.S_ISDIR(node.info.st_mode):
                names.setdefault(node.info.st_ino, []).append(node.path)
    finally:
        os.close(fd)
    for group in names.values():
        if any(path in changed for path in group):  # a hard link can only be told together with its other names
            for path in group:
                _add(changed, path)
    removed: Removed = {}
    for path, (info, _) in gone.items():
        parent = _parent(path)
        if parent in gone or not stat.S_ISDIR(_now(root, parent)):
            continue
        removed.setdefault(parent, []).append((path, info))
        _add(changed, parent)
    return changed, removed


_Seen = tuple[os.stat_result, object]


def _snapshot(base: str) -> dict[bytes, _Seen]:
    fd = open_root(base)
    try:
        return {node.path: (node.info, _extra(node)) for node in walk(fd)}
    finally:
        os.close(fd)


def _extra(node: Node) -> object:
    """What a link says, and the attributes."""
    return node.readlink() if stat.S_ISLNK(node.info.st_mode) else node.xattrs()


def _same(old: _Seen, new: _Seen) -> bool:
    before, after = old[0], new[0]
    if (before.st_mode, before.st_uid, before.st_gid, before.st_rdev) != (
        after.st_mode,
        after.st_uid,
        after.st_gid,
        after.st_rdev,
    ):
        return False
    if not stat.S_ISDIR(after.st_mode) and (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        return False
    return old[1] == new[1]


def _add(paths: set[bytes], path: bytes) -> None:
    while path not in paths:
        paths.add(path)
        path = _parent(path)


def _parent(path: bytes) -> bytes:
    return path.rpartition(b"/")[0]


def _now(root: str, path: bytes) -> int:
    try:
        return os.lstat(os.path.join(os.fsencode(root), path)).st_mode
    except OSError:
        return 0
