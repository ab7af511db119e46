"""What can be known about a container before it is cloned: a function of the spec and the root's mounts, but for one
look at whose a UTS namespace is that is to be joined."""

from __future__ import annotations

import functools
import json
import os
import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from corral.errors import Invalid, Unsupported
from corral.linux import namespace as ns
from corral.oci.annotations import REAPER
from corral.oci.idmaps import IDMaps
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Namespace, Process, Spec
from corral.runtime.init import mounts, sysctl
from corral.runtime.init.idmap import UserPlan
from corral.runtime.init.manner import Manner, manner_of
from corral.runtime.init.messages import Sync
from corral.runtime.init.mounts import Kind, MountPlan

__all__ = ["ContainerPlan", "Options", "make_plan"]

_FLAGS: Final[dict[str, int]] = {
    "cgroup": ns.CLONE_NEWCGROUP,
    "ipc": ns.CLONE_NEWIPC,
    "mount": ns.CLONE_NEWNS,
    "network": ns.CLONE_NEWNET,
    "pid": ns.CLONE_NEWPID,
    "time": ns.CLONE_NEWTIME,
    "uts": ns.CLONE_NEWUTS,
}
_CLOCKS: Final = ("monotonic", "boottime")
_NO_OFFSETS: Final = "monotonic 0 0\n"


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller may want that the specification has no words for. ``id``: the container's, for hooks and its
    keyring; ``no_pivot``: a root that the kernel does not let anybody pivot out of (a ramdisk); ``no_new_keyring``:
    stay in the caller's; ``trampoline``: the caller's interpreter is not sealed, see ``trampoline``."""

    id: str = ""
    no_pivot: bool = False
    no_new_keyring: bool = False
    trampoline: bool = False


_PLAIN: Final = Options()


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """``target``: the directory to mount the root on; ``clone_flags``: namespaces that the process is born in;
    ``cgroup_namespace``: a new one, which only makes sense after the process has joined its cgroup; ``joins``: (flag,
    path) of those to enter; ``pid_namespace``: the one that the parent must enter before the clone, "" for none;
    ``reaper``: command line of the built-in process 1, or (); ``before_pivot``: runs hooks when all is mounted, given
    the root, and says whether to go on; ``manner``: what is unusual about the process; ``user``: its user namespace,
    unless it is ours; ``offsets``: what is written for a new time namespace, or "".
    """

    spec: Spec
    process: Process
    rootfs: tuple[RootfsMount, ...]
    bundle: str
    target: str
    clone_flags: int
    cgroup_namespace: bool
    joins: tuple[tuple[int, str], ...]
    pid_namespace: str
    mounts: tuple[MountPlan, ...]
    own_dev: bool
    reaper: tuple[str, ...]
    options: Options
    before_pivot: Callable[[int, Sync], bool] | None
    manner: Manner | None
    user: UserPlan | None
    offsets: str

    @property
    def new_network(self) -> bool:
        return bool(self.clone_flags & ns.CLONE_NEWNET)


def make_plan(
    spec: Spec,
    rootfs: tuple[RootfsMount, ...],
    bundle: str,
    options: Options = _PLAIN,
    *,
    extra: int = 0,
    listen: int = 0,
) -> ContainerPlan:
    """Raises Invalid and Unsupported for what cannot be carried out."""
    if not spec.process.args:
        raise Invalid("no command specified")
    plans = mounts.make_plans(spec.mounts, spec.linux.uid_mappings, spec.linux.gid_mappings, bundle=bundle)
    user = time = None
    rest = []
    for namespace in spec.linux.namespaces:
        if namespace.type == "user":
            user = _user(namespace, spec)
        elif namespace.type == "time" and not namespace.path:
            time = _offsets(spec)
        else:
            rest.append(namespace)
    clone_flags, cgroup_namespace, joins, pid_namespace = _namespaces(rest)
    if user is None and (spec.linux.uid_mappings or spec.linux.gid_mappings):
        raise Invalid("user namespace mappings specified, but user namespace isn't enabled in the config")
    if time is None and spec.linux.time_offsets:
        raise Invalid("time namespace offsets specified, but time namespace isn't enabled in the config")
    if spec.linux.rootfs_propagation and spec.linux.rootfs_propagation not in mounts.PROPAGATION:
        raise Invalid(f"invalid rootfsPropagation: {spec.linux.rootfs_propagation}")
    if (spec.hostname or spec.domainname) and not _private_uts(rest):
        name = "hostname" if spec.hostname else "domainname"
        raise Invalid(f"unable to set {name} without a private UTS namespace")
    if spec.linux.net_devices and not any(namespace.type == "network" for namespace in spec.linux.namespaces):
        raise Invalid("unable to move network devices without a NET namespace")
    if spec.linux.sysctl:
        sysctl.check(spec.linux.sysctl, spec.linux.namespaces)
    before_pivot, before_program = _hooks(spec, options, bundle)
    target = bundle
    if not rootfs:
        # On itself, so that hooks find the bundle as it is.
        target = posixpath.normpath(os.path.join(bundle, spec.root.path))
        rootfs = (RootfsMount("bind", target, ("rbind",)),)
    return ContainerPlan(
        spec=spec,
        process=spec.process,
        rootfs=rootfs,
        bundle=bundle,
        target=target,
        clone_flags=clone_flags,
        cgroup_namespace=cgroup_namespace,
        joins=joins,
        pid_namespace=pid_namespace,
        mounts=plans,
        own_dev=not any(p.destination == "/dev" and p.kind == Kind.BIND for p in plans),
        reaper=tuple(json.loads(spec.annotations[REAPER])) if REAPER in spec.annotations else (),
        options=options,
        before_pivot=before_pivot,
        manner=manner_of(spec.process, spec.linux, extra=extra, listen=listen, last_step=before_program),
        user=user,
        offsets=time or "",
    )


def _user(namespace: Namespace, spec: Spec) -> UserPlan:
    linux = spec.linux
    if namespace.path and not linux.uid_mappings and not linux.gid_mappings:
        return UserPlan(namespace.path, None)
    maps = IDMaps.of(linux.uid_mappings, linux.gid_mappings)
    _ = maps.root  # there must be one: who else should set the container up
    return UserPlan(namespace.path, maps)


def _offsets(spec: Spec) -> str:
    """One line for each clock that is set: time_namespaces(7). Never empty."""
    lines = []
    for clock, offset in spec.linux.time_offsets.items():
        if clock not in _CLOCKS:
            raise Invalid(f"time offset of unknown clock {clock!r}")
        lines.append(f"{clock} {offset.secs} {offset.nanosecs}\n")
    return "".join(lines) or _NO_OFFSETS


def _hooks(
    spec: Spec, options: Options, bundle: str
) -> tuple[Callable[[int, Sync], bool] | None, Callable[[], None] | None]:
    """Those before the root changes, and those before the program. The module is imported here: a child cannot."""
    if spec.hooks is None:
        return None, None
    from corral.runtime.init import hooks

    before_program = functools.partial(hooks.before_program, spec, options.id, bundle)
    return (
        functools.partial(hooks.before_pivot, spec, options.id, bundle),
        before_program if spec.hooks.start_container else None,
    )


def _private_uts(namespaces: list[Namespace]) -> bool:
    """A new one, or one of others: their name changes. The one that we are in is the host's."""
    found = next((namespace for namespace in namespaces if namespace.type == "uts"), None)
    if found is None or not found.path:
        return found is not None
    try:
        return not os.path.samefile(found.path, "/proc/self/ns/uts")
    except OSError:  # joining it will say what is wrong
        return True


def _namespaces(namespaces: list[Namespace]) -> tuple[int, bool, tuple[tuple[int, str], ...], str]:
    clone_flags = 0
    cgroup_namespace = False
    joins: list[tuple[int, str]] = []
    pid_namespace = ""
    for namespace in namespaces:
        flag = _FLAGS.get(namespace.type)
        if flag is None:
            raise Unsupported(f"namespace {namespace.type!r} is not supported")
        if namespace.path and namespace.type == "mount":
            raise Unsupported("joining a mount namespace is not supported: the root filesystem is always new")
        if namespace.path and namespace.type == "pid":
            pid_namespace = namespace.path
        elif namespace.path:
            joins.append((flag, namespace.path))
        elif namespace.type == "cgroup":
            cgroup_namespace = True
        else:
            clone_flags |= flag
    return clone_flags | ns.CLONE_NEWNS, cgroup_namespace, tuple(joins), pid_namespace
