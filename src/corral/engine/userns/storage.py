"""The root filesystem of a container whose ids are mapped: seen through mapped mounts, or given away file by file."""

from __future__ import annotations

import asyncio
import functools
import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from corral.engine.userns.shift import shift_tree
from corral.errors import Internal
from corral.linux import idmap
from corral.linux import mount as linux
from corral.oci.idmaps import IDMaps
from corral.oci.rootfs import RootfsMount

__all__ = ["fit", "own"]

_PAGE: Final = 4096
_OVERLAY_SINCE: Final = (5, 19)
"""Linux: layers of an overlay may be mapped."""


async def fit(rootfs: tuple[RootfsMount, ...], maps: IDMaps, mark: Path, scratch: Path) -> tuple[RootfsMount, ...]:
    """The mounts for the runtime. ``mark``: a file that says that the owners were changed; ``scratch``: a directory
    that may be made, to mount on. Raises OSError, Internal."""
    if all(_can_map(mount) for mount in rootfs):
        return tuple(replace(mount, mapped=True) for mount in rootfs)
    if not mark.exists():
        await asyncio.to_thread(_give_away, rootfs, maps, scratch)
        mark.write_text(maps.uid_text)
    return rootfs


def _can_map(mount: RootfsMount) -> bool:
    if mount.type == "overlay" and _kernel() < _OVERLAY_SINCE:
        return False
    paths = [mount.source] if mount.type == "bind" else [*_layers(mount)]
    return all(_supported(os.path.dirname(os.path.join(mount.base, path))) for path in paths)


def _layers(mount: RootfsMount) -> list[str]:
    paths: list[str] = []
    for option in mount.options:
        key, _, value = option.partition("=")
        if key in ("lowerdir", "upperdir"):
            paths += value.split(":")
    return paths


@functools.cache
def _kernel() -> tuple[int, int]:
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int("".join(digit for digit in minor if digit.isdigit()))


def _supported(directory: str) -> bool:
    return _of_device(os.stat(directory).st_dev, directory)


_known: Final[dict[int, bool]] = {}


def _of_device(device: int, directory: str) -> bool:
    """Asked once for each file system."""
    if device not in _known:
        _known[device] = idmap.supported(directory)
    return _known[device]


def _give_away(rootfs: tuple[RootfsMount, ...], maps: IDMaps, scratch: Path) -> None:
    for mount in rootfs:
        if mount.type == "bind":
            _shift(os.path.join(mount.base, mount.source), maps)
            continue
        options = ",".join(_absolute(option, mount.base) for option in mount.options)
        if len(os.fsencode(options)) >= _PAGE:
            raise Internal("the image has too many layers for its owners to be changed")
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        linux.mount("overlay", str(scratch), "overlay", 0, options)
        try:
            _shift(str(scratch), maps)
        finally:
            linux.umount2(str(scratch), linux.MNT_DETACH)
            scratch.rmdir()


def _absolute(option: str, base: str) -> str:
    key, _, value = option.partition("=")
    if key not in ("lowerdir", "upperdir", "workdir"):
        return option
    return f"{key}={':'.join(os.path.join(base, path) for path in value.split(':'))}"


def _shift(path: str, maps: IDMaps) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        shift_tree(directory, maps)
    finally:
        os.close(directory)


def own(path: str, maps: IDMaps | None) -> None:
    """A file of the engine's that a container finds in its /etc: its root's."""
    if maps is not None:
        os.chown(path, *maps.root)
