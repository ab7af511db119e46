"""What was changed in a tree: ``docker diff``.

As Docker tells it: the metadata of every name is compared with what was visible below; a directory is told of when its
owner or mode changed, or when something in it did; what a removed directory held is not told of. Whoever hides a change
by setting back size and time hides it here as well.
"""

from __future__ import annotations

import enum
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from corral.archive import whiteout

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CAPABILITY: Final = "security.capability"
_SECOND: Final = 1_000_000_000


class Kind(enum.IntEnum):
    MODIFIED = 0
    ADDED = 1
    DELETED = 2


@dataclass(frozen=True, slots=True)
class Change:
    """``path`` begins with a slash."""

    kind: Kind
    path: bytes


def changes(root: str, below: Sequence[str], *, whole: bool) -> list[Change]:
    """A directory, then what is in it by name, then what is gone from it.

    ``root`` is a directory of changes with overlayfs's marks on top of ``below``, topmost first; if ``whole``, it is a
    complete tree, once a copy of ``below[0]``. The container may be changing it meanwhile, ``below`` nobody changes.
    Raises OSError.
    """
    found: list[Change] = []
    fd = os.open(root, _DIRECTORY)
    try:
        _directory(fd, b"", [os.fsencode(one) for one in below], whole, found)
    finally:
        os.close(fd)
    return found


def _directory(fd: int, path: bytes, below: list[bytes], whole: bool, found: list[Change]) -> None:
    """What changed in an open directory; ``below``: the directories that it is merged with, or stands for."""
    names = sorted(os.fsencode(name) for name in os.listdir(fd))
    opaque = whole or whiteout.OPAQUE in names or _is_opaque(fd)
    present: set[bytes] = set()
    gone: set[bytes] = set()
    for name in names:
        if not whole and name.startswith(whiteout.PREFIX):  # a mark of fuse-overlayfs, where it can make no device
            hidden = name[len(whiteout.PREFIX) :]
            if not name.startswith(whiteout.META_PREFIX) and _below(below, hidden)[0] is not None:
                gone.add(hidden)
            continue
        try:
            info = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            continue
        old, under = _below(below, name)
        if not whole and whiteout.is_device(info.st_mode, info.st_rdev):
            if old is not None:
                gone.add(name)
            continue
        present.add(name)
        _one(fd, name, path + b"/" + name, info, old, under, whole, found)
    if opaque and below:
        gone |= _visible(below) - present
    found += (Change(Kind.DELETED, path + b"/" + name) for name in sorted(gone))


def _one(
    fd: int,
    name: bytes,
    path: bytes,
    info: os.stat_result,
    old: os.stat_result | None,
    under: list[bytes],
    whole: bool,
    found: list[Change],
) -> None:
    before = len(found)
    if old is None:
        found.append(Change(Kind.ADDED, path))
    elif _differs(old, info) or _capability_changed(fd, name, info, under):
        found.append(Change(Kind.MODIFIED, path))
    told = len(found) > before
    if not stat.S_ISDIR(info.st_mode):
        return
    try:
        inner = os.open(name, _DIRECTORY, dir_fd=fd)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        merged = under if old is not None and stat.S_ISDIR(old.st_mode) else []
        _directory(inner, path, merged, whole, found)
    finally:
        os.close(inner)
    if len(found) > before and not told:
        found.insert(before, Change(Kind.MODIFIED, path))


def _below(below: list[bytes], name: bytes) -> tuple[os.stat_result | None, list[bytes]]:
    """What was visible by that name, and where it lies: of a directory all that are merged, else the one."""
    top: os.stat_result | None = None
    places: list[bytes] = []
    for directory in below:
        place = directory + b"/" + name
        try:
            info = os.lstat(place)
        except FileNotFoundError:
            continue
        if whiteout.is_device(info.st_mode, info.st_rdev):
            break
        if top is not None and not stat.S_ISDIR(info.st_mode):
            break
        top = top or info
        places.append(place)
        if not stat.S_ISDIR(info.st_mode) or _marked(place):
            break
    return top, places


def _visible(below: list[bytes]) -> set[bytes]:
    """All names that are seen in merged directories."""
    names: set[bytes] = set()
    hidden: set[bytes] = set()
    for directory in below:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name in names or entry.name in hidden:
                    continue
                if _is_whiteout(entry):
                    hidden.add(entry.name)
                else:
                    names.add(entry.name)
    return names


def _is_whiteout(entry: os.DirEntry[bytes]) -> bool:
    if entry.is_dir(follow_symlinks=False) or entry.is_symlink() or entry.is_file(follow_symlinks=False):
        return False
    info = entry.stat(follow_symlinks=False)
    return whiteout.is_device(info.st_mode, info.st_rdev)


def _is_opaque(fd: int) -> bool:
    return _marked(b"/proc/self/fd/%d" % fd)


def _marked(path: bytes) -> bool:
    try:
        return os.getxattr(path, whiteout.OPAQUE_XATTR) == b"y"
    except OSError:
        return False


def _differs(old: os.stat_result, new: os.stat_result) -> bool:
    if (old.st_mode, old.st_uid, old.st_gid, old.st_rdev) != (new.st_mode, new.st_uid, new.st_gid, new.st_rdev):
        return True
    if stat.S_ISDIR(new.st_mode):
        return False
    return old.st_size != new.st_size or not _same_time(old.st_mtime_ns, new.st_mtime_ns)


def _same_time(one: int, other: int) -> bool:
    """A time without a fraction may have lost it on the way."""
    return one == other or (one // _SECOND == other // _SECOND and (one % _SECOND == 0 or other % _SECOND == 0))


def _capability_changed(fd: int, name: bytes, info: os.stat_result, under: list[bytes]) -> bool:
    if not stat.S_ISREG(info.st_mode):
        return False
    return _capability(b"/proc/self/fd/%d/%s" % (fd, name)) != _capability(under[0])


def _capability(path: bytes) -> bytes:
    try:
        return os.getxattr(path, _CAPABILITY, follow_symlinks=False)
    except OSError:
        return b""
