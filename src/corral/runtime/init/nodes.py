"""Device nodes for a container that may not make any: made by the host's root, in file systems of their own."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import Final

from corral.errors import Invalid
from corral.linux import mount as m
from corral.oci.idmaps import IDMaps
from corral.oci.runtime import Device
from corral.runtime.init.devices import DEFAULT, DEFAULT_MODE, LINKS, TYPES
from corral.runtime.init.failure import SetupError, described
from corral.runtime.init.inside import absolute
from corral.runtime.init.mounts import Kind, MountPlan, attributes_of
from corral.runtime.init.tree import clone_tree

__all__ = ["elsewhere", "make_dev"]

_DEV: Final = "/dev/"


def make_dev(plan: MountPlan, devices: tuple[Device, ...], maps: IDMaps) -> int:
    """A detached tmpfs with the nodes that every container has and those that this one asked for, owned by its root.

    The umask must be zero. Raises SetupError.
    """
    try:
        tree = _tmpfs(plan.source, plan.data, attributes_of(plan.flags, 0)[0], maps)
        asked = {absolute(device.path): device for device in devices}
        for path, device in {**{device.path: device for device in DEFAULT}, **asked}.items():
            if path.startswith(_DEV):
                name = path.removeprefix(_DEV)
                _make_parents(tree, name, maps)
                _make(tree, name, device, maps)
        for name, target in LINKS:
            os.symlink(target, name, dir_fd=tree)
            os.chown(name, *maps.root, dir_fd=tree, follow_symlinks=False)
    except OSError as error:
        raise described(f"error creating device nodes in /dev: {error.filename or ''}", error) from error
    return tree


def elsewhere(devices: tuple[Device, ...], maps: IDMaps, staging: str) -> Iterator[tuple[MountPlan, int]]:
    """Of those that are not to be in /dev: how to attach each, and what. ``staging``: any directory."""
    for device in devices:
        path = absolute(device.path)
        if path.startswith(_DEV):
            continue
        try:
            m.mount("staging", staging, "tmpfs", 0, "mode=700")
            top = os.open(staging, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            _make(top, "node", device, maps)
            yield MountPlan(Kind.TREE, device.path, path, create="file"), clone_tree(top, "node", recursive=False)
            os.close(top)
            m.umount2(staging, m.MNT_DETACH)
        except OSError as error:
            raise described(f"error creating device nodes: {device.path}", error) from error


def _tmpfs(source: str, data: str, attributes: int, maps: IDMaps) -> int:
    context = m.fsopen("tmpfs")
    uid, gid = maps.root
    try:
        m.fsconfig(context, m.FSCONFIG_SET_STRING, "source", source)
        for option in [*(data.split(",") if data else ()), f"uid={uid}", f"gid={gid}"]:
            key, assigned, value = option.partition("=")
            if assigned:
                m.fsconfig(context, m.FSCONFIG_SET_STRING, key, value)
            else:
                m.fsconfig(context, m.FSCONFIG_SET_FLAG, key)
        m.fsconfig(context, m.FSCONFIG_CMD_CREATE)
        return m.fsmount(context, attr_flags=attributes)
    finally:
        os.close(context)


def _make_parents(top: int, name: str, maps: IDMaps) -> None:
    parts = name.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        parent = "/".join(parts[:count])
        try:
            os.mkdir(parent, 0o755, dir_fd=top)
            os.chown(parent, *maps.root, dir_fd=top)
        except FileExistsError:
            continue


def _make(top: int, name: str, device: Device, maps: IDMaps) -> None:
    kind = TYPES.get(device.type)
    if kind is None:
        raise SetupError(f"error creating device nodes: {device.path}: unknown device type {device.type!r}")
    mode = DEFAULT_MODE if device.file_mode is None else stat.S_IMODE(device.file_mode)
    os.mknod(name, kind | mode, os.makedev(device.major, device.minor), dir_fd=top)
    uid, gid = maps.root
    with contextlib.suppress(Invalid):  # else nobody inside would be
        uid, gid = maps.host_uid(device.uid or 0), maps.host_gid(device.gid or 0)
    os.chown(name, uid, gid, dir_fd=top)
