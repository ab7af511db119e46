"""Inside a user namespace: becoming its root, and what has to be asked of the host's root before."""

from __future__ import annotations

import os
import resource
import stat
from dataclasses import dataclass
from typing import Final

from corral.linux import namespace as ns
from corral.linux.pidfd import pid_of
from corral.oci.idmaps import IDMaps
from corral.oci.runtime import IDMapping, Rlimit
from corral.runtime.init import clock, rootfs, sysctl
from corral.runtime.init.failure import SetupError, described
from corral.runtime.init.inside import Root
from corral.runtime.init.limits import NUMBERS
from corral.runtime.init.plan import ContainerPlan
from corral.runtime.security import capabilities

__all__ = ["Prepared", "begin", "give_streams", "join", "raise_hard_limits", "read_maps", "read_maps_inside"]

_INFINITY: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Prepared:
    """Detached trees: the root, and one for each BIND and TREE among the plan's mounts."""

    root: int
    trees: tuple[int, ...]


def begin(plan: ContainerPlan, prepared: Prepared) -> Root:
    """The first things that a process does that was born in a user namespace. Raises SetupError, OSError.

    Here it is still the host's root, though without powers, and nobody inside: it may go where the root belongs, and
    to some kernels those below /proc/sys/kernel are the host's root's parameters even where they are namespaced.
    """
    root = rootfs.attach_root(prepared.root, plan.target)
    later = {}
    for name, value in plan.spec.linux.sysctl.items():
        try:
            sysctl.write({name: value})
        except SetupError:
            later[name] = value
    if plan.offsets:
        clock.enter(plan.offsets)
    _become_root()
    sysctl.write(later)
    if plan.cgroup_namespace:
        ns.unshare(ns.CLONE_NEWCGROUP)
    return root


def join(init_pidfd: int, others: int, rlimits: tuple[Rlimit, ...]) -> None:
    """Enter all namespaces of a container's first process, ``others`` beside the user namespace, as its root.

    The user namespace comes last: some of the others may not be its own. Whoever is in the container meanwhile can do
    nothing with this process: it is not dumpable, and its memory belongs to the host's user namespace (CVE-2016-9962).
    Raises SetupError.
    """
    raise_hard_limits(rlimits)
    try:
        give_streams(read_maps(f"/proc/{pid_of(init_pidfd)}"))
        ns.setns(init_pidfd, others)
        ns.setns(init_pidfd, ns.CLONE_NEWUSER)
    except OSError as error:
        raise described("joining the container's namespaces", error) from error
    _become_root()


def _become_root() -> None:
    capabilities.inherited_bounding_set.cache_clear()  # a new user namespace begins with all capabilities
    try:
        os.setgroups(())
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    except OSError as error:
        raise described("becoming root of the user namespace", error) from error


def raise_hard_limits(rlimits: tuple[Rlimit, ...]) -> None:
    """As far as the host's root may: the container's could not. They are set when nothing has to be done any more."""
    for limit in rlimits:
        number = NUMBERS.get(limit.type)
        if number is None:
            continue  # setting them says so
        soft, hard = resource.getrlimit(number)
        wanted = resource.RLIM_INFINITY if limit.hard >= _INFINITY else limit.hard
        if hard != resource.RLIM_INFINITY and (wanted == resource.RLIM_INFINITY or wanted > hard):
            try:
                resource.setrlimit(number, (soft, wanted))
            except (OSError, ValueError):
                continue


def give_streams(maps: IDMaps) -> None:
    """The container's root cannot make itself the owner of what belongs to the host's. Pipes only: a caller's terminal
    or file stays the caller's."""
    for fd in range(3):
        if stat.S_ISFIFO(os.fstat(fd).st_mode):
            try:
                os.fchown(fd, *maps.root)
            except OSError:
                continue


def read_maps(process: str) -> IDMaps:
    """``process``: its directory in /proc. Raises OSError."""
    return IDMaps(_read(f"{process}/uid_map"), _read(f"{process}/gid_map"))


def _read(path: str) -> tuple[IDMapping, ...]:
    with open(path) as file:
        return _parse(file.read())


def _parse(text: str) -> tuple[IDMapping, ...]:
    return tuple(IDMapping(*map(int, line.split())) for line in text.splitlines())


def read_maps_inside(user_namespace: int) -> IDMaps:
    """Of a namespace that may have no process. Only who is inside can see them. Raises OSError."""
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            ns.setns(user_namespace, ns.CLONE_NEWUSER)
            for name in ("uid_map", "gid_map"):
                with open(f"/proc/self/{name}", "rb") as file:
                    os.write(theirs, file.read() + b"\0")
        finally:
            os._exit(0)
    os.close(theirs)
    with open(ours) as file:
        uids, _, gids = file.read().partition("\0")
    os.waitpid(pid, 0)
    return IDMaps(_parse(uids), _parse(gids.rstrip("\0")))
