"""Seeing a container's root: in a mount namespace of the worker's own, as a descriptor.

Of a running container the mounts are copied out of its namespace, which the worker enters for that one call and leaves
again: no code is loaded and no path resolved in there (CVE-2019-14271). Copies are private before anything is done
with them, so that what is taken away here stays there. /proc, /sys and /dev are taken away: they are the kernel's, and
what they say belongs to whoever asks.

Nothing here follows a path into the container: that is ``paths``' work, by descriptors (CVE-2018-15664).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import Any, Final

from corral.linux import mount as m
from corral.linux.libc import AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE
from corral.linux.namespace import CLONE_NEWNS, CLONE_NEWUSER, setns, unshare
from corral.linux.user_namespace import make as make_user_namespace
from corral.oci.rootfs import RootfsMount
from corral.runtime.init import copyup
from corral.runtime.init.inside import Root
from corral.runtime.init.rootfs import detach_from_host, mount_root
from corral.runtime.init.tree import attach, clone_tree

_KERNELS: Final = (b"proc", b"sys", b"dev")
_PSEUDO: Final = frozenset({"proc", "sysfs", "cgroup", "cgroup2", "devpts", "devtmpfs", "mqueue", "debugfs", "tracefs"})


def open_view(description: dict[str, Any], fds: Sequence[int]) -> Root:
    """``description``: of a `View`. Raises OSError, SetupError."""
    unshare(CLONE_NEWNS)
    detach_from_host()
    at = description["at"]
    if description["namespace"] >= 0:
        root = _copied(description, fds, at)
    else:
        root = _made(description, at)
    _become(description, fds)
    return root


def _copied(description: dict[str, Any], fds: Sequence[int], at: str) -> Root:
    tree = _copy(fds[description["namespace"]], _optional(fds, description["root"]), alone=description["alone"])
    try:
        m.mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, propagation=m.MS_PRIVATE)
        m.move_mount(tree, "", AT_FDCWD, at, m.MOVE_MOUNT_F_EMPTY_PATH)
    finally:
        os.close(tree)
    if not description["alone"]:
        _hide_the_kernels(at)
    return Root(os.open(at, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))


def _copy(namespace: int, root: int, *, alone: bool) -> int:
    """The container's mounts as a detached tree. Between the two `setns` there are system calls only."""
    home = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    ours = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(namespace, CLONE_NEWNS)
        try:
            return (
                clone_tree(root, "", recursive=not alone)
                if root >= 0
                else clone_tree(AT_FDCWD, "/", recursive=not alone)
            )
        finally:
            setns(ours, CLONE_NEWNS)
            os.fchdir(home)
            os.chroot(".")
    finally:
        os.close(ours)
        os.close(home)


def _hide_the_kernels(at: str) -> None:
    with open("/proc/self/mountinfo", "rb") as file:
        lines = file.read().splitlines()
    prefix = os.fsencode(at) + b"/"
    doomed = []
    for line in lines:
        fields, _, rest = line.partition(b" - ")
        point = fields.split(b" ")[4]
        if point.startswith(prefix):
            inside = point[len(prefix) :]
            if inside in _KERNELS or rest.split(b" ")[0].decode() in _PSEUDO:
                doomed.append(_unescaped(point))
    for point in doomed:
        try:
            m.umount2(os.fsdecode(point), m.MNT_DETACH | m.UMOUNT_NOFOLLOW)
        except OSError:  # it went with the one above it
            continue


def _unescaped(point: bytes) -> bytes:
    for code, character in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        point = point.replace(code, character)
    return point


def _made(description: dict[str, Any], at: str) -> Root:
    extras = [] if description["alone"] else description["extras"]
    sources = [clone_tree(AT_FDCWD, extra["source"], recursive=extra["recursive"]) for extra in extras]
    root = mount_root(tuple(RootfsMount.from_json(one) for one in description["rootfs"]), at)
    for extra, source in zip(extras, sources, strict=True):
        directory = stat.S_ISDIR(os.fstat(source).st_mode)
        place = root.ensure(extra["destination"], directory=directory)
        if extra["filled"] and directory:
            copyup.fill(place, source)
        flags = m.MOUNT_ATTR_RDONLY if extra["read_only"] else 0
        m.mount_setattr(source, "", AT_EMPTY_PATH | AT_RECURSIVE, attr_set=flags, propagation=m.MS_PRIVATE)
        attach(source, place)
        os.close(place)
        os.close(source)
    return root


def _become(description: dict[str, Any], fds: Sequence[int]) -> None:
    """Root of the container's user namespace, as whom its files are made and their owners told."""
    namespace = _optional(fds, description["user_namespace"])
    if namespace < 0 and description["uid_map"]:
        namespace = make_user_namespace(description["uid_map"], description["gid_map"])
    if namespace < 0:
        return
    setns(namespace, CLONE_NEWUSER)
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def _optional(fds: Sequence[int], place: int) -> int:
    return fds[place] if place >= 0 else -1
