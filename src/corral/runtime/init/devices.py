"""/dev: the nodes that every container has, those that it asked for, and the links."""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from typing import Final

from corral.linux.libc import AT_FDCWD
from corral.oci.runtime import Device
from corral.runtime.init.failure import SetupError, described
from corral.runtime.init.inside import Root, absolute
from corral.runtime.init.tree import attach, clone_tree

__all__ = ["DEFAULT", "DEFAULT_MODE", "LINKS", "TYPES", "create", "on_host"]

DEFAULT: Final = (
    Device("/dev/null", "c", 1, 3, 0o666),
    Device("/dev/zero", "c", 1, 5, 0o666),
    Device("/dev/full", "c", 1, 7, 0o666),
    Device("/dev/random", "c", 1, 8, 0o666),
    Device("/dev/urandom", "c", 1, 9, 0o666),
    Device("/dev/tty", "c", 5, 0, 0o666),
)
LINKS: Final = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
)
TYPES: Final = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}
DEFAULT_MODE: Final = 0o666


def create(root: Root, devices: tuple[Device, ...]) -> None:
    """Fill a /dev that is the container's own. The umask must be zero. Raises SetupError."""
    asked = {device.path for device in devices}
    dev = root.ensure("/dev", directory=True)
    for device in DEFAULT:
        if device.path not in asked:
            _create(root, dev, device.path.removeprefix("/dev/"), device)
    for device in devices:
        path = absolute(device.path)
        parent = root.ensure(posixpath.dirname(path), directory=True)
        _create(root, parent, posixpath.basename(path), device)
        os.close(parent)
    for name, target in LINKS:
        try:
            os.symlink(target, name, dir_fd=dev)
        except FileExistsError:
            continue
    os.close(dev)


def _create(root: Root, parent: int, name: str, device: Device) -> None:
    kind = TYPES.get(device.type)
    try:
        if kind is None:
            raise OSError(errno.EINVAL, f"unknown device type {device.type!r}")
        mode = DEFAULT_MODE if device.file_mode is None else stat.S_IMODE(device.file_mode)
        try:
            os.mknod(name, kind | mode, os.makedev(device.major, device.minor), dir_fd=parent)
        except FileExistsError:
            _check(os.stat(name, dir_fd=parent, follow_symlinks=False), kind, device)
            return
        except PermissionError:
            _bind(root, device, kind)
            return
        if device.uid or device.gid:
            os.chown(name, device.uid or 0, device.gid or 0, dir_fd=parent, follow_symlinks=False)
    except OSError as error:
        raise described(f"error creating device nodes: {device.path}", error) from error


def _check(found: os.stat_result, kind: int, device: Device) -> None:
    """config-linux.md, "Devices": what exists already and is something else is an error."""
    same_kind = stat.S_IFMT(found.st_mode) == kind
    if not same_kind or (kind != stat.S_IFIFO and found.st_rdev != os.makedev(device.major, device.minor)):
        raise SetupError(f"error creating device nodes: {device.path}: exists and is not the requested device")


def _bind(root: Root, device: Device, kind: int) -> None:
    """Where mknod is not allowed (in a user namespace): the host's node, whatever its name is in the container."""
    tree = clone_tree(AT_FDCWD, on_host(device, kind), recursive=False)
    target = root.ensure(device.path, directory=False)
    attach(tree, target)
    os.close(target)
    os.close(tree)


def on_host(device: Device, kind: int) -> str:
    """A node of this device: of the same name, or what sysfs(5) calls it. Raises OSError: never another device."""
    number = os.makedev(device.major, device.minor)
    names = [device.path]
    if kind != stat.S_IFIFO:
        directory = "block" if kind == stat.S_IFBLK else "char"
        try:
            fd = os.open(f"/sys/dev/{directory}/{device.major}:{device.minor}/uevent", os.O_RDONLY)
            facts = os.read(fd, 4096).decode(errors="surrogateescape")
            os.close(fd)
            names += [f"/dev/{line[8:]}" for line in facts.splitlines() if line.startswith("DEVNAME=")]
        except OSError:  # there is no such device, or no sysfs
            pass
    for name in names:
        try:
            found = os.stat(name)
        except OSError:
            continue
        if stat.S_IFMT(found.st_mode) == kind and (kind == stat.S_IFIFO or found.st_rdev == number):
            return name
    raise OSError(errno.ENODEV, "the host has no node of this device")
