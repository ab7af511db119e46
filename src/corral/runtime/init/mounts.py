"""Mount options as mount(8) and the runtime specification write them -> what to ask of the kernel. Pure.

An entry of the spec becomes one ``MountPlan``; ``rootfs`` executes it. A bind mount takes its flags as attributes of
the new mount (``mount_setattr``), everything else as flags of a new file system (``mount``). Options that nobody knows
are the file system's (config.md, "Linux mount options"); a bind mount has no use for any, and refuses them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from corral.errors import Invalid
from corral.linux import mount as m
from corral.oci.idmaps import IDMaps
from corral.oci.runtime import IDMapping, Mount
from corral.runtime.init.inside import absolute

__all__ = ["Kind", "MountPlan", "attributes_of", "make_plans", "option_names", "plan_mount"]


class Kind:
    """Not an enumeration: those take longer to import than many containers to start."""

    BIND: Final = "bind"
    TREE: Final = "tree"
    NEW: Final = "new"
    CGROUP: Final = "cgroup"
    REMOUNT: Final = "remount"


@dataclass(frozen=True, slots=True)
class MountPlan:
    """``flags``: MS_* of a new file system; ``attributes`` and ``recursive_attributes``: (set, clear) of MOUNT_ATTR_*
    for the mount itself and for the whole tree; ``propagation``: MS_PRIVATE and the like, with MS_REC for the tree;
    ``create``: "dir" or "file", what to make when the destination is missing.

    ``copy_up``: what the root has at the destination is copied first, into a tmpfs or into an empty directory to bind.

    A read-only tmpfs is mounted writable and ``sealed`` when all mounts are in place: others may be on top of it.

    ``maps``: the owners of a bind's files are seen through them, recursively or not. Of a TREE the source is ready to
    be attached (``outside``). A REMOUNT changes what the image or an earlier entry has mounted at the destination.
    """

    kind: str
    source: str
    destination: str
    fstype: str = ""
    recursive: bool = False
    flags: int = 0
    attributes: tuple[int, int] = (0, 0)
    recursive_attributes: tuple[int, int] = (0, 0)
    propagation: int = 0
    data: str = ""
    create: str = ""
    sealed: bool = False
    copy_up: bool = False
    maps: IDMaps | None = None
    map_recursively: bool = False


_FLAGS: Final[dict[str, tuple[bool, int]]] = {
    "async": (False, m.MS_SYNCHRONOUS),
    "atime": (False, m.MS_NOATIME),
    "defaults": (True, 0),
    "dev": (False, m.MS_NODEV),
    "diratime": (False, m.MS_NODIRATIME),
    "dirsync": (True, m.MS_DIRSYNC),
    "exec": (False, m.MS_NOEXEC),
    "iversion": (True, m.MS_I_VERSION),
    "lazytime": (True, m.MS_LAZYTIME),
    "loud": (False, m.MS_SILENT),
    "mand": (True, m.MS_MANDLOCK),
    "noatime": (True, m.MS_NOATIME),
    "nodev": (True, m.MS_NODEV),
    "nodiratime": (True, m.MS_NODIRATIME),
    "noexec": (True, m.MS_NOEXEC),
    "noiversion": (False, m.MS_I_VERSION),
    "nolazytime": (False, m.MS_LAZYTIME),
    "nomand": (False, m.MS_MANDLOCK),
    "norelatime": (False, m.MS_RELATIME),
    "nostrictatime": (False, m.MS_STRICTATIME),
    "nosuid": (True, m.MS_NOSUID),
    "nosymfollow": (True, m.MS_NOSYMFOLLOW),
    "relatime": (True, m.MS_RELATIME),
    "ro": (True, m.MS_RDONLY),
    "rw": (False, m.MS_RDONLY),
    "silent": (True, m.MS_SILENT),
    "strictatime": (True, m.MS_STRICTATIME),
    "suid": (False, m.MS_NOSUID),
    "symfollow": (False, m.MS_NOSYMFOLLOW),
    "sync": (True, m.MS_SYNCHRONOUS),
}
"""Option -> (sets, flag)."""

_ATTRIBUTES: Final[dict[int, int]] = {
    m.MS_RDONLY: m.MOUNT_ATTR_RDONLY,
    m.MS_NOSUID: m.MOUNT_ATTR_NOSUID,
    m.MS_NODEV: m.MOUNT_ATTR_NODEV,
    m.MS_NOEXEC: m.MOUNT_ATTR_NOEXEC,
    m.MS_NODIRATIME: m.MOUNT_ATTR_NODIRATIME,
    m.MS_NOSYMFOLLOW: m.MOUNT_ATTR_NOSYMFOLLOW,
}
_ATIMES: Final[dict[int, int]] = {
    m.MS_NOATIME: m.MOUNT_ATTR_NOATIME,
    m.MS_STRICTATIME: m.MOUNT_ATTR_STRICTATIME,
    m.MS_RELATIME: m.MOUNT_ATTR_RELATIME,
}
_ATIME_FLAGS: Final = m.MS_NOATIME | m.MS_STRICTATIME | m.MS_RELATIME
"""One of them holds: the last that was asked for."""

_RECURSIVE: Final[dict[str, tuple[int, int]]] = {
    "rro": (m.MOUNT_ATTR_RDONLY, 0),
    "rrw": (0, m.MOUNT_ATTR_RDONLY),
    "rnosuid": (m.MOUNT_ATTR_NOSUID, 0),
    "rsuid": (0, m.MOUNT_ATTR_NOSUID),
    "rnodev": (m.MOUNT_ATTR_NODEV, 0),
    "rdev": (0, m.MOUNT_ATTR_NODEV),
    "rnoexec": (m.MOUNT_ATTR_NOEXEC, 0),
    "rexec": (0, m.MOUNT_ATTR_NOEXEC),
    "rnodiratime": (m.MOUNT_ATTR_NODIRATIME, 0),
    "rdiratime": (0, m.MOUNT_ATTR_NODIRATIME),
    "rrelatime": (m.MOUNT_ATTR_RELATIME, m.MOUNT_ATTR__ATIME),
    "rnorelatime": (m.MOUNT_ATTR_STRICTATIME, m.MOUNT_ATTR__ATIME),
    "rnoatime": (m.MOUNT_ATTR_NOATIME, m.MOUNT_ATTR__ATIME),
    "ratime": (m.MOUNT_ATTR_RELATIME, m.MOUNT_ATTR__ATIME),
    "rstrictatime": (m.MOUNT_ATTR_STRICTATIME, m.MOUNT_ATTR__ATIME),
    "rnostrictatime": (m.MOUNT_ATTR_RELATIME, m.MOUNT_ATTR__ATIME),
    "rnosymfollow": (m.MOUNT_ATTR_NOSYMFOLLOW, 0),
    "rsymfollow": (0, m.MOUNT_ATTR_NOSYMFOLLOW),
}
"""Option of the whole tree -> (attributes to set, to clear)."""

PROPAGATION: Final[dict[str, int]] = {
    "private": m.MS_PRIVATE,
    "rprivate": m.MS_PRIVATE | m.MS_REC,
    "shared": m.MS_SHARED,
    "rshared": m.MS_SHARED | m.MS_REC,
    "slave": m.MS_SLAVE,
    "rslave": m.MS_SLAVE | m.MS_REC,
    "unbindable": m.MS_UNBINDABLE,
    "runbindable": m.MS_UNBINDABLE | m.MS_REC,
}

_CREATE: Final = "x-corral.create="
_COPY_UP: Final = "x-corral.copy-up"
# With what begins with "x-": of interest to mount(8) and its helpers only.
_IGNORED: Final = frozenset({"z", "Z", "copy", "nocopy", "nofail", "auto", "noauto", "user", "nouser", "_netdev"})


def option_names() -> tuple[str, ...]:
    """All that are no data of a file system's, by alphabet."""
    others = ("bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap")
    return tuple(sorted({*_FLAGS, *_RECURSIVE, *PROPAGATION, *others}))


def make_plans(
    mounts: Sequence[Mount],
    uids: tuple[IDMapping, ...] = (),
    gids: tuple[IDMapping, ...] = (),
    *,
    bundle: str = "/",
) -> tuple[MountPlan, ...]:
    """In the spec's order, which is the order of mounting. ``uids`` and ``gids``: the container's own maps; ``bundle``:
    what the source of a bind mount is relative to. Raises Invalid."""
    return tuple([plan_mount(mount, uids, gids, bundle=bundle) for mount in mounts])


def plan_mount(
    mount: Mount, uids: tuple[IDMapping, ...] = (), gids: tuple[IDMapping, ...] = (), *, bundle: str = "/"
) -> MountPlan:
    """Raises Invalid."""
    flags = cleared = propagation = 0
    tree_set = tree_clear = 0
    bind = mount.type == "bind"
    recursive = copy_up = remount = False
    mapped = "idmap" if mount.uid_mappings or mount.gid_mappings else ""
    create = ""
    data: list[str] = []
    for option in mount.options:
        if option in _FLAGS:
            sets, flag = _FLAGS[option]
            if sets and flag & _ATIME_FLAGS:
                flags &= ~_ATIME_FLAGS
            flags, cleared = (flags | flag, cleared & ~flag) if sets else (flags & ~flag, cleared | flag)
        elif option in ("bind", "rbind"):
            bind, recursive = True, recursive or option == "rbind"
        elif option in PROPAGATION:
            propagation = PROPAGATION[option]
        elif option in _RECURSIVE:
            attributes = _RECURSIVE[option]
            tree_set, tree_clear = (
                tree_set & ~attributes[1] | attributes[0],
                tree_clear & ~attributes[0] | attributes[1],
            )
        elif option in ("tmpcopyup", _COPY_UP):
            copy_up = True
        elif option in ("idmap", "ridmap"):
            mapped = option
        elif option == "remount":
            remount = True
        elif option.startswith(_CREATE):
            create = option.removeprefix(_CREATE)
        elif option not in _IGNORED and not option.startswith("x-"):
            data.append(option)
    destination = absolute(mount.destination)
    if bind and data:
        raise _invalid(mount, f"bind mounts cannot have any filesystem-specific options applied: {','.join(data)}")
    if mapped and not bind:
        raise _invalid(mount, "id-mapped mounts are only supported for bind-mounts")
    if bool(mount.uid_mappings) != bool(mount.gid_mappings):
        raise _invalid(mount, "id-mapped mounts must have both uid and gid mappings specified")
    if remount:
        return MountPlan(
            Kind.REMOUNT,
            mount.source or mount.type,
            destination,
            fstype="bind" if bind else mount.type,
            flags=flags,
            attributes=attributes_of(flags, cleared),
            recursive_attributes=(tree_set, tree_clear),
            propagation=propagation,
            data=",".join(data),
        )
    if bind:
        source = mount.source if mount.source.startswith("/") else posixpath.normpath(f"{bundle}/{mount.source}")
        return MountPlan(
            Kind.BIND,
            source,
            destination,
            recursive=recursive,
            attributes=attributes_of(flags, cleared),
            recursive_attributes=(tree_set, tree_clear),
            propagation=propagation or m.MS_PRIVATE | m.MS_REC,
            create=create,
            copy_up=copy_up,
            maps=IDMaps.of_mount(mount, uids, gids) if mapped else None,
            map_recursively=mapped == "ridmap",
        )
    kind = Kind.CGROUP if mount.type in ("cgroup", "cgroup2") else Kind.NEW
    sealed = bool(flags & m.MS_RDONLY) and mount.type == "tmpfs"
    return MountPlan(
        kind,
        mount.source or mount.type,
        destination,
        fstype=mount.type,
        flags=flags & ~m.MS_RDONLY if sealed else flags,
        attributes=attributes_of(flags, 0) if kind == Kind.CGROUP else (0, 0),
        recursive_attributes=(tree_set, tree_clear),
        propagation=propagation,
        data=",".join(data),
        create=create,
        sealed=sealed,
        copy_up=copy_up,
    )


def _invalid(mount: Mount, why: str) -> Invalid:
    return Invalid(f'invalid mount "{mount.destination}": {why}')


def attributes_of(flags: int, cleared: int) -> tuple[int, int]:
    """MS_* -> (set, clear) of a mount's attributes. What is not said stays as the source has it."""
    wanted = unwanted = 0
    for flag, attribute in _ATTRIBUTES.items():
        if flags & flag:
            wanted |= attribute
        elif cleared & flag:
            unwanted |= attribute
    for flag, attribute in _ATIMES.items():
        if flags & flag:
            return wanted | attribute, unwanted | m.MOUNT_ATTR__ATIME
    if cleared & (m.MS_NOATIME | m.MS_STRICTATIME):
        return wanted | m.MOUNT_ATTR_RELATIME, unwanted | m.MOUNT_ATTR__ATIME
    if cleared & m.MS_RELATIME:
        return wanted | m.MOUNT_ATTR_STRICTATIME, unwanted | m.MOUNT_ATTR__ATIME
    return wanted, unwanted


def flag_names(flags: int) -> str:
    """MS_* as runc's messages show them: ``MS_BIND|MS_REC``."""
    names = [name for name, value in vars(m).items() if name.startswith("MS_") and flags & value]
    return "|".join(names) or "0"
