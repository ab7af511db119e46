"""What X-Docker-Container-Path-Stat tells of a file."""

from __future__ import annotations

import os
import stat
from typing import Any, Final

_DIRECTORY: Final = 1 << 31
_LINK: Final = 1 << 27
_DEVICE: Final = 1 << 26
_FIFO: Final = 1 << 25
_SOCKET: Final = 1 << 24
_SETUID: Final = 1 << 23
_SETGID: Final = 1 << 22
_CHARACTER: Final = 1 << 21
_STICKY: Final = 1 << 20

_KINDS: Final = {
    stat.S_IFDIR: _DIRECTORY,
    stat.S_IFLNK: _LINK,
    stat.S_IFBLK: _DEVICE,
    stat.S_IFCHR: _DEVICE | _CHARACTER,
    stat.S_IFIFO: _FIFO,
    stat.S_IFSOCK: _SOCKET,
}
_BITS: Final = ((stat.S_ISUID, _SETUID), (stat.S_ISGID, _SETGID), (stat.S_ISVTX, _STICKY))


def path_stat(name: str, info: os.stat_result, target: str) -> dict[str, Any]:
    """``mtime`` in nanoseconds; ``target``: where a symbolic link leads to."""
    return {
        "name": name,
        "size": info.st_size,
        "mode": go_mode(info.st_mode),
        "mtime": info.st_mtime_ns,
        "target": target,
    }


def go_mode(mode: int) -> int:
    """Go's os.FileMode of a st_mode."""
    bits = _KINDS.get(stat.S_IFMT(mode), 0) | mode & 0o777
    for bit, value in _BITS:
        if mode & bit:
            bits |= value
    return bits
