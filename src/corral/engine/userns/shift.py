"""Where a file system does not map owners: a copy of the image's files with other owners, made once for a container.

Changing an owner copies a file of a lower layer up, which is what makes this the fallback and not the rule.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from typing import Final

from corral.errors import Invalid
from corral.oci.idmaps import IDMaps

__all__ = ["shift_tree", "with_root"]

_CAPABILITY: Final = "security.capability"
_VERSION_MASK: Final = 0xFF000000
_VERSION_2: Final = 0x02000000
_VERSION_3: Final = 0x03000000
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def shift_tree(directory: int, maps: IDMaps) -> None:
    """Give everything below ``directory``, itself included, to whom the maps say; never follows a link.

    What belongs to somebody outside already stays, so that an interrupted run can be gone on with. Raises OSError.
    """
    _shift(".", directory, maps)
    with os.scandir(directory) as entries:
        names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in names:
        if not is_directory:
            _shift(name, directory, maps)
            continue
        below = os.open(name, _OPEN, dir_fd=directory)
        try:
            shift_tree(below, maps)
        finally:
            os.close(below)


def _shift(name: str, directory: int, maps: IDMaps) -> None:
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    uid, gid = _outside(maps, status.st_uid, user=True), _outside(maps, status.st_gid, user=False)
    if (uid, gid) == (status.st_uid, status.st_gid):
        return
    regular = stat.S_ISREG(status.st_mode)
    capability = _capability(name, directory) if regular else None
    os.chown(name, uid, gid, dir_fd=directory, follow_symlinks=False)
    if regular and status.st_mode & (stat.S_ISUID | stat.S_ISGID):  # chown(2) has taken them away
        os.chmod(name, stat.S_IMODE(status.st_mode), dir_fd=directory)
    if capability is not None:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            os.setxattr(fd, _CAPABILITY, with_root(capability, maps.root[0]))
        finally:
            os.close(fd)


def _outside(maps: IDMaps, id: int, *, user: bool) -> int:
    ranges = maps.uids if user else maps.gids
    if any(one.host_id <= id < one.host_id + one.size for one in ranges):
        return id
    try:
        return maps.host_uid(id) if user else maps.host_gid(id)
    except Invalid:  # nobody inside
        return id


def _capability(name: str, directory: int) -> bytes | None:
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        return os.getxattr(fd, _CAPABILITY)
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOTSUP):
            return None
        raise
    finally:
        os.close(fd)


def with_root(value: bytes, root: int) -> bytes:
    """A security.capability attribute that holds where ``root`` is the namespace's root: capabilities(7), version 3."""
    (magic,) = struct.unpack_from("<I", value)
    if magic & _VERSION_MASK not in (_VERSION_2, _VERSION_3):
        return value
    return struct.pack("<I", magic & ~_VERSION_MASK | _VERSION_3) + value[4:20] + struct.pack("<I", root)
