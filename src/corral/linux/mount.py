"""mount(2) and its successors: open_tree, move_mount, mount_setattr, fsopen, fsconfig, fsmount; pivot_root(2).

Paths are text; a path together with a directory descriptor follows the ``*at`` rules of the kernel.
"""

from __future__ import annotations

import os
import struct
from typing import Final

from corral.linux import libc

MS_RDONLY: Final = 1
MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_NOEXEC: Final = 8
MS_SYNCHRONOUS: Final = 16
MS_REMOUNT: Final = 32
MS_MANDLOCK: Final = 64
MS_DIRSYNC: Final = 128
MS_NOSYMFOLLOW: Final = 256
MS_NOATIME: Final = 1024
MS_NODIRATIME: Final = 2048
MS_BIND: Final = 4096
MS_MOVE: Final = 8192
MS_REC: Final = 16384
MS_SILENT: Final = 32768
MS_UNBINDABLE: Final = 1 << 17
MS_PRIVATE: Final = 1 << 18
MS_SLAVE: Final = 1 << 19
MS_SHARED: Final = 1 << 20
MS_RELATIME: Final = 1 << 21
MS_I_VERSION: Final = 1 << 23
MS_STRICTATIME: Final = 1 << 24
MS_LAZYTIME: Final = 1 << 25

MNT_FORCE: Final = 1
MNT_DETACH: Final = 2
UMOUNT_NOFOLLOW: Final = 8

OPEN_TREE_CLONE: Final = 1
OPEN_TREE_CLOEXEC: Final = os.O_CLOEXEC

MOVE_MOUNT_F_SYMLINKS: Final = 0x00000001
MOVE_MOUNT_F_EMPTY_PATH: Final = 0x00000004
MOVE_MOUNT_T_SYMLINKS: Final = 0x00000010
MOVE_MOUNT_T_EMPTY_PATH: Final = 0x00000040

MOUNT_ATTR_RDONLY: Final = 0x00000001
MOUNT_ATTR_NOSUID: Final = 0x00000002
MOUNT_ATTR_NODEV: Final = 0x00000004
MOUNT_ATTR_NOEXEC: Final = 0x00000008
MOUNT_ATTR__ATIME: Final = 0x00000070
MOUNT_ATTR_RELATIME: Final = 0x00000000
MOUNT_ATTR_NOATIME: Final = 0x00000010
MOUNT_ATTR_STRICTATIME: Final = 0x00000020
MOUNT_ATTR_NODIRATIME: Final = 0x00000080
MOUNT_ATTR_IDMAP: Final = 0x00100000
MOUNT_ATTR_NOSYMFOLLOW: Final = 0x00200000

FSOPEN_CLOEXEC: Final = 1
FSMOUNT_CLOEXEC: Final = 1

FSCONFIG_SET_FLAG: Final = 0
FSCONFIG_SET_STRING: Final = 1
FSCONFIG_SET_BINARY: Final = 2
FSCONFIG_SET_PATH: Final = 3
FSCONFIG_SET_PATH_EMPTY: Final = 4
FSCONFIG_SET_FD: Final = 5
FSCONFIG_CMD_CREATE: Final = 6
FSCONFIG_CMD_RECONFIGURE: Final = 7

_MOUNT_ATTR: Final = struct.Struct("=4Q")


def _text(value: str | None) -> bytes | None:
    return None if value is None else os.fsencode(value)


def mount(source: str | None, target: str, filesystemtype: str | None, flags: int, data: str | None) -> None:
    """mount(2). ``data`` must fit one page, or the kernel silently cuts it: callers check. Raises OSError."""
    kind = _text(filesystemtype)
    libc.syscall("mount", _text(source), _text(target), kind, flags, _text(data), path=target)


def umount2(target: str, flags: int) -> None:
    libc.syscall("umount2", _text(target), flags, path=target)


def open_tree(dirfd: int, path: str, flags: int) -> int:
    """A descriptor for the mount at ``path``; with OPEN_TREE_CLONE a detached copy of it. Raises OSError."""
    return libc.syscall("open_tree", dirfd, _text(path), flags, path=path)


def move_mount(from_dirfd: int, from_path: str, to_dirfd: int, to_path: str, flags: int) -> None:
    libc.syscall("move_mount", from_dirfd, _text(from_path), to_dirfd, _text(to_path), flags, path=to_path or None)


def mount_setattr(
    dirfd: int,
    path: str,
    flags: int,
    *,
    attr_set: int = 0,
    attr_clr: int = 0,
    propagation: int = 0,
    userns_fd: int = 0,
) -> None:
    """Change the attributes of one mount, or with AT_RECURSIVE of the whole tree, atomically. Raises OSError."""
    record = _MOUNT_ATTR.pack(attr_set, attr_clr, propagation, userns_fd)
    libc.syscall("mount_setattr", dirfd, _text(path), flags, record, _MOUNT_ATTR.size, path=path or None)


def fsopen(fsname: str, flags: int = FSOPEN_CLOEXEC) -> int:
    return libc.syscall("fsopen", _text(fsname), flags, path=fsname)


def fsconfig(fd: int, cmd: int, key: str | None = None, value: str | None = None, aux: int = 0) -> None:
    """One step of configuring a filesystem context.

    Raises OSError whose path is ``key=value``; its text includes the kernel's own explanation.
    """
    try:
        libc.syscall("fsconfig", fd, cmd, _text(key), _text(value), aux)
    except OSError as error:
        explanation = fs_messages(fd)
        what = key if value is None else f"{key}={value}"
        raise OSError(error.errno, "; ".join([error.strerror or "", *explanation]), what) from None


def fs_messages(fd: int) -> list[str]:
    """What the kernel has to say about a filesystem context, oldest first ("e overlay: ...")."""
    messages: list[str] = []
    while True:
        try:
            message = os.read(fd, 4096)
        except OSError:
            return messages
        messages.append(message.decode(errors="replace").strip())


def fsmount(fd: int, flags: int = FSMOUNT_CLOEXEC, attr_flags: int = 0) -> int:
    """A detached mount of the created context, as a descriptor for move_mount. Raises OSError."""
    return libc.syscall("fsmount", fd, flags, attr_flags)


def pivot_root(new_root: str, put_old: str) -> None:
    libc.syscall("pivot_root", _text(new_root), _text(put_old), path=new_root)
