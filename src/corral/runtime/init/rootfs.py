"""The container's root filesystem and everything mounted in it, up to pivot_root(2).

Sources are opened first, before anything is mounted over them, and those that stay shared are copied while they are
members of the host's peer groups; only then is the namespace cut off from the host. From there on only descriptors
are used: destinations are resolved by ``inside.Root``, trees are attached with move_mount(2), new file systems are
mounted on /proc/self/fd/N of the host's procfs, which stays visible until the root changes. The container's own /proc
is never trusted with anything.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from typing import Final

from corral.linux import mount as m
from corral.linux.fd import path_of
from corral.linux.libc import AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE
from corral.linux.user_namespace import make as make_user_namespace
from corral.oci.rootfs import RootfsMount
from corral.runtime.init import copyup, idmap
from corral.runtime.init.cgroupfs import Place, mount_cgroups
from corral.runtime.init.failure import SetupError, described, reason, words
from corral.runtime.init.inside import Root
from corral.runtime.init.mounts import PROPAGATION, Kind, MountPlan, flag_names
from corral.runtime.init.tree import attach, clone_tree

__all__ = [
    "attach_root",
    "detach_from_host",
    "execute",
    "make_readonly",
    "map_owners",
    "mount_root",
    "move",
    "open_source",
    "open_sources",
    "pivot",
    "seal",
    "set_propagation",
]

_PAGE: Final = 4096
_REPLACEABLE: Final = frozenset(
    f"/proc/{name}"
    for name in (
        "cpuinfo",
        "diskstats",
        "loadavg",
        "meminfo",
        "slabinfo",
        "stat",
        "swaps",
        "sys/crypto/fips_enabled",
        "sys/kernel/ns_last_pid",
        "uptime",
    )
)
_NONE: Final = -1
_REAL_DIRECTORIES: Final = frozenset({"proc", "sysfs"})


def open_sources(plans: tuple[MountPlan, ...]) -> list[int]:
    """What the bind mounts are made of, in the order of the bind mounts among ``plans``.

    Those that are to stay peers of the host are copied here, the others when it is their turn, so that the container's
    list of mounts begins with its root.
    """
    sources = []
    for plan in plans:
        if plan.kind == Kind.BIND:
            sources.append(open_source(plan))
    return sources


def open_source(plan: MountPlan, *, whole: bool = False) -> int:
    """``whole``: as a tree in any case. Raises SetupError."""
    try:
        if whole or plan.propagation & m.MS_SHARED:
            return clone_tree(AT_FDCWD, plan.source, recursive=plan.recursive)
        return os.open(plan.source, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise _mount_failure(plan, error) from error


def map_owners(plan: MountPlan, tree: int, user_namespace: int | None = None) -> None:
    """See the owners of a detached tree's files through the plan's maps, which are those of ``user_namespace``.

    Raises SetupError.
    """
    assert plan.maps is not None
    made = None
    try:
        if user_namespace is None:
            user_namespace = made = make_user_namespace(plan.maps.uid_text, plan.maps.gid_text)
        idmap.apply(tree, user_namespace, recursive=plan.map_recursively)
    except OSError as error:
        raise SetupError(f'failed to map the owners of "{plan.source}": {words(error)}') from error
    finally:
        if made is not None:
            os.close(made)


def detach_from_host() -> None:
    """What we mount does not reach the host any more; what the host unmounts still disappears here."""
    m.mount(None, "/", None, m.MS_SLAVE | m.MS_REC, None)


# -- the root


def mount_root(mounts: tuple[RootfsMount, ...], target: str, *, slave: bool = False) -> Root:
    """Mount on ``target``, any directory of the host; in this mount namespace it is covered. ``slave``: what the host
    mounts in it later appears in it."""
    for mount in mounts:
        try:
            if mount.type == "overlay":
                _mount_overlay(mount, target)
            elif mount.type == "bind":
                _bind_root(mount, target, slave=slave)
            else:
                raise SetupError(f"error preparing rootfs: unknown mount type {mount.type!r}")
        except OSError as error:
            where = error.filename or target
            raise SetupError(f"error preparing rootfs: {mount.type} at {where}: {reason(error)}") from error
    return Root(os.open(target, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))


def attach_root(tree: int, target: str) -> Root:
    """A root that was made before."""
    m.move_mount(tree, "", AT_FDCWD, target, m.MOVE_MOUNT_F_EMPTY_PATH)
    return Root(tree)


def _bind_root(mount: RootfsMount, target: str, *, slave: bool) -> None:
    tree = clone_tree(AT_FDCWD, os.path.join(mount.base, mount.source), recursive="rbind" in mount.options)
    try:
        m.mount_setattr(
            tree,
            "",
            AT_EMPTY_PATH | AT_RECURSIVE,
            attr_set=m.MOUNT_ATTR_RDONLY if "ro" in mount.options else 0,
            propagation=m.MS_SLAVE if slave else m.MS_PRIVATE,
        )
        m.move_mount(tree, "", AT_FDCWD, target, m.MOVE_MOUNT_F_EMPTY_PATH)
    finally:
        os.close(tree)


def _mount_overlay(mount: RootfsMount, target: str) -> None:
    flags = m.MS_RDONLY if "ro" in mount.options else 0
    options = [option for option in mount.options if option not in ("ro", "rw")]
    data = ",".join(options)
    if mount.base:
        os.chdir(mount.base)
    if len(os.fsencode(data)) < _PAGE:
        m.mount(mount.source or "overlay", target, "overlay", flags, data)
        return
    try:
        _configure_overlay(mount.source or "overlay", options, flags, target)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
        _mount_overlay_by_descriptors(mount.source or "overlay", options, flags, target)


def _configure_overlay(source: str, options: list[str], flags: int, target: str) -> None:
    """One layer at a time: Linux 6.8."""
    context = m.fsopen("overlay")
    try:
        m.fsconfig(context, m.FSCONFIG_SET_STRING, "source", source)
        for option in options:
            key, assigned, value = option.partition("=")
            if key == "lowerdir":
                for layer in value.split(":"):
                    m.fsconfig(context, m.FSCONFIG_SET_STRING, "lowerdir+", layer)
            elif assigned:
                m.fsconfig(context, m.FSCONFIG_SET_STRING, key, value.strip('"'))
            else:
                m.fsconfig(context, m.FSCONFIG_SET_FLAG, key)
        m.fsconfig(context, m.FSCONFIG_CMD_CREATE)
        tree = m.fsmount(context, attr_flags=m.MOUNT_ATTR_RDONLY if flags & m.MS_RDONLY else 0)
    finally:
        os.close(context)
    try:
        m.move_mount(tree, "", AT_FDCWD, target, m.MOVE_MOUNT_F_EMPTY_PATH)
    finally:
        os.close(tree)


def _mount_overlay_by_descriptors(source: str, options: list[str], flags: int, target: str) -> None:
    """On older kernels: the names of descriptors, resolved in /proc/self/fd, are the shortest that a layer can have."""
    held: list[int] = []

    def short(path: str) -> str:
        held.append(os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
        return str(held[-1])

    brief = []
    try:
        for option in options:
            key, _, value = option.partition("=")
            if key == "lowerdir":
                option = f"lowerdir={':'.join(short(layer) for layer in value.split(':'))}"
            elif key in ("upperdir", "workdir"):
                option = f"{key}={short(value)}"
            brief.append(option)
        data = ",".join(brief)
        if len(data) >= _PAGE:
            raise OSError(errno.E2BIG, "too many layers", target)
        os.chdir("/proc/self/fd")
        m.mount(source, target, "overlay", flags, data)
    finally:
        for fd in held:
            os.close(fd)


# -- what is mounted in it


def execute(
    root: Root, plans: tuple[MountPlan, ...], sources: Sequence[int], place: Place, *, whole_cgroup_tree: bool
) -> list[int]:
    """Mount all, in order. Returns descriptors of the mounts that ``seal`` will make read-only."""
    bound = iter(sources)
    unsealed: list[int] = []
    procfs = _NONE
    for plan in plans:
        try:
            source = next(bound) if plan.kind == Kind.BIND or plan.kind == Kind.TREE else None
            _check_proc(plan, source)
            if source is not None:
                _bind(root, plan, source, procfs)
            elif plan.kind == Kind.CGROUP:
                mount_cgroups(root, plan, place, whole=whole_cgroup_tree)
            elif plan.kind == Kind.REMOUNT:
                _remount(root, plan)
            else:
                _mount_new(root, plan, unsealed, procfs)
            if plan.destination == "/proc":
                procfs = _device(root, "proc")
        except OSError as error:
            raise _mount_failure(plan, error) from error
    return unsealed


def _check_proc(plan: MountPlan, source: int | None) -> None:
    """Programs in the container believe what /proc says; who wants to replace more than lxcfs does has been misled."""
    if plan.destination == "/proc":
        if plan.fstype != "proc" and (source is None or os.fstat(source).st_dev != os.stat("/proc").st_dev):
            raise _mount_refusal(plan, '"/proc" cannot be mounted because it is not of type proc')
    elif plan.destination.startswith("/proc/") and plan.destination not in _REPLACEABLE:
        raise _mount_refusal(plan, f'"{plan.destination}" cannot be mounted because it is inside /proc')


def _check_place(plan: MountPlan, status: os.stat_result, procfs: int) -> None:
    """The same for what a link of the image's leads there (CVE-2019-16884, CVE-2023-27561, CVE-2023-28642)."""
    if status.st_dev == procfs and plan.destination not in _REPLACEABLE and plan.destination != "/proc":
        raise _mount_refusal(plan, f'"{plan.destination}" cannot be mounted because it is inside /proc')


def _device(root: Root, path: str) -> int:
    fd = root.open(path)
    try:
        return os.fstat(fd).st_dev
    finally:
        os.close(fd)


def seal(mounts: list[int]) -> None:
    for fd in mounts:
        m.mount_setattr(fd, "", AT_EMPTY_PATH, attr_set=m.MOUNT_ATTR_RDONLY)
        os.close(fd)


def make_readonly(root: Root) -> None:
    """The root itself; what is mounted in it keeps its own flags."""
    m.mount_setattr(root.fd, "", AT_EMPTY_PATH, attr_set=m.MOUNT_ATTR_RDONLY)


def _bind(root: Root, plan: MountPlan, source: int, procfs: int) -> None:
    tree = source
    try:
        if plan.kind == Kind.BIND and not plan.propagation & m.MS_SHARED:
            tree = clone_tree(source, "", recursive=plan.recursive)
            os.close(source)
        if plan.maps is not None and plan.kind == Kind.BIND:
            map_owners(plan, tree)
        directory = stat.S_ISDIR(os.fstat(tree).st_mode)
        destination = root.ensure(plan.destination, directory=directory if not plan.create else plan.create == "dir")
        try:
            status = os.fstat(destination)
            _check_place(plan, status, procfs)
            if directory != stat.S_ISDIR(status.st_mode):
                raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), plan.destination)
            if plan.copy_up and directory:
                copyup.fill(destination, tree)
            _set_attributes(tree, plan)
            attach(tree, destination)
        finally:
            os.close(destination)
    finally:
        os.close(tree)


def _set_attributes(tree: int, plan: MountPlan) -> None:
    """Before the tree is attached, so that nobody ever sees it without them."""
    kind, whole_tree = plan.propagation & ~m.MS_REC, bool(plan.propagation & m.MS_REC)
    attr_set, attr_clr = plan.recursive_attributes
    if attr_set or attr_clr or whole_tree:
        flags = AT_EMPTY_PATH | AT_RECURSIVE
        m.mount_setattr(tree, "", flags, attr_set=attr_set, attr_clr=attr_clr, propagation=kind if whole_tree else 0)
    attr_set, attr_clr = plan.attributes
    if attr_set or attr_clr or (kind and not whole_tree):
        m.mount_setattr(
            tree, "", AT_EMPTY_PATH, attr_set=attr_set, attr_clr=attr_clr, propagation=0 if whole_tree else kind
        )


def _mount_new(root: Root, plan: MountPlan, unsealed: list[int], procfs: int) -> None:
    destination = _ordinary_directory(root, plan) if plan.fstype in _REAL_DIRECTORIES else None
    data = plan.data
    if destination is None and plan.fstype == "tmpfs" and "mode=" not in data:
        # As accessible as the directory it covers; where there is none, as the kernel makes it: for everybody.
        destination = root.find(plan.destination)
        if destination is not None:
            mode = f"mode={stat.S_IMODE(os.fstat(destination).st_mode):o}"
            data = f"{data},{mode}" if data else mode
    if destination is None:
        destination = root.ensure(plan.destination, directory=True)
    try:
        _check_place(plan, os.fstat(destination), procfs)
        m.mount(plan.source, path_of(destination), plan.fstype, plan.flags, data or None)
        if plan.copy_up or plan.sealed:
            top = root.open(plan.destination)
            if plan.copy_up:
                copyup.copy_tree(destination, top)
            if plan.sealed:
                unsealed.append(top)
            else:
                os.close(top)
        attr_set, attr_clr = plan.recursive_attributes
        if plan.propagation or attr_set or attr_clr:
            top = root.open(plan.destination)
            propagation = plan.propagation & ~m.MS_REC
            m.mount_setattr(top, "", AT_EMPTY_PATH, attr_set=attr_set, attr_clr=attr_clr, propagation=propagation)
            os.close(top)
    finally:
        os.close(destination)


def _remount(root: Root, plan: MountPlan) -> None:
    """Other flags for what is mounted there; options are the file system's, so that they hold wherever it is seen."""
    top = root.open(plan.destination)
    try:
        if plan.fstype != "bind":
            m.mount(plan.source, path_of(top), plan.fstype, plan.flags | m.MS_REMOUNT, plan.data or None)
        _set_attributes(top, plan)
    finally:
        os.close(top)


def _ordinary_directory(root: Root, plan: MountPlan) -> int:
    """proc and sysfs under a link would leave /proc and /sys to the image (CVE-2019-19921)."""
    found = root.find(plan.destination, os.O_PATH | os.O_NOFOLLOW)
    if found is None:
        return root.ensure(plan.destination, directory=True)
    if not stat.S_ISDIR(os.fstat(found).st_mode):
        os.close(found)
        raise SetupError(f'filesystem "{plan.fstype}" must be mounted on ordinary directory')
    return found


def _mount_refusal(plan: MountPlan, why: str) -> SetupError:
    return SetupError(f'error mounting "{plan.source}" to rootfs at "{plan.destination}": {why}')


def _mount_failure(plan: MountPlan, error: OSError) -> SetupError:
    flags = m.MS_BIND | (m.MS_REC if plan.recursive else 0) if plan.kind == Kind.BIND else plan.flags
    detail = f"mount src={plan.source}, dst={plan.destination}, flags={flag_names(flags)}"
    if plan.data:
        detail += f", data={plan.data}"
    text = f'error mounting "{plan.source}" to rootfs at "{plan.destination}": {detail}: {words(error)}'
    if error.errno == errno.ENOTDIR:
        text += (
            ": Are you trying to mount a directory onto a file (or vice-versa)? "
            "Check if the specified host path exists and is the expected type"
        )
    return SetupError(text)


# -- the change


def pivot(root: Root) -> None:
    """Make the container's root ours and the host's disappear; "." is the one directory that both calls can name
    without any being made for the purpose, see pivot_root(2)."""
    try:
        os.fchdir(root.fd)
        m.pivot_root(".", ".")
        m.umount2(".", m.MNT_DETACH)
        os.chdir("/")
    except OSError as error:
        raise described("error jailing process inside rootfs: pivot_root", error) from error


def move(root: Root, target: str) -> None:
    """Instead of ``pivot``, where the kernel refuses that: the container's root covers the host's, and the file systems
    below that a container could mount again because it sees them whole (proc, sysfs) are taken away first."""
    try:
        os.fchdir(root.fd)
        for path in _whole_kernel_mounts(target):
            _take_away(path)
        m.mount(".", "/", None, m.MS_MOVE, None)
        os.chroot(".")
        os.chdir("/")
    except OSError as error:
        raise described("error jailing process inside rootfs: move to /", error) from error


def _whole_kernel_mounts(target: str) -> list[str]:
    """Deepest first."""
    found = []
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file.read().decode(errors="surrogateescape").splitlines():
            fields, _, rest = line.partition(" - ")
            _, _, _, top, point, *_ = fields.split(" ")
            point = point.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
            inside = point == target or point.startswith(f"{target}/")
            if top == "/" and rest.partition(" ")[0] in _REAL_DIRECTORIES and not inside:
                found.append(point)
    return sorted(found, reverse=True)


def _take_away(path: str) -> None:
    try:
        m.umount2(path, m.MNT_DETACH)
    except FileNotFoundError:
        return  # with one that it was in
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EPERM):
            raise
        m.mount("tmpfs", path, "tmpfs", m.MS_RDONLY, None)


def set_propagation(name: str) -> None:
    """``linux.rootfsPropagation`` for what is mounted in the container from now on; private when it is empty."""
    flags = PROPAGATION.get(name, 0)
    if flags:
        m.mount(None, "/", None, flags, None)
