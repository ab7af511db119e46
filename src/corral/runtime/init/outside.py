"""What a container with a user namespace of its own needs from the host, done by the host's root before it enters.

The first process of such a container is born by one that is born by the supervisor: that one still has all powers,
opens what the container could not (sources below private directories, layers whose owners must be mapped, device
nodes), enters the namespaces that others own, then the user namespace, and gives birth to the container's first process
in namespaces that the user namespace owns (user_namespaces(7)). It hands its child, a child of the supervisor's, over
and ends. ``standard`` goes on in the child, with ``Prepared``.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NoReturn

from corral.errors import Invalid
from corral.linux import fd as descriptors
from corral.linux import namespace as ns
from corral.linux import user_namespace
from corral.linux.clone import CLONE_CLEAR_SIGHAND, CLONE_PARENT, clone3
from corral.oci.idmaps import IDMaps
from corral.runtime.init import cgroup, limits, mapped_root, rootfs
from corral.runtime.init.cgroupfs import Place, delegate
from corral.runtime.init.failure import SetupError, described
from corral.runtime.init.idmap import UserPlan
from corral.runtime.init.joins import join
from corral.runtime.init.mapped import Prepared, give_streams, raise_hard_limits, read_maps_inside
from corral.runtime.init.mapped_sources import Sources
from corral.runtime.init.messages import Sync
from corral.runtime.init.plan import ContainerPlan

__all__ = ["FLAGS", "Inside", "run"]

FLAGS: Final = ns.CLONE_NEWNS
"""Of its clone: what it mounts meanwhile is nobody's business."""

Inside = Callable[[ContainerPlan, Prepared, Sync], None]


def run(plan: ContainerPlan, place: Place, handover: socket.socket, inside: Inside, sync: Sync) -> None:
    """``inside`` is called in the child, which ``handover`` tells of: a packet with its pidfd.

    Returns in the child only. Raises SetupError and OSError in either.
    """
    assert plan.user is not None
    os.umask(0)
    cgroup.join(place.procs_files)
    try:
        owner, maps = _user_namespace(plan.user)
        sources = Sources(plan, owner, maps)
        sources.open_shared()
        rootfs.detach_from_host()
        root = mapped_root.make(plan.rootfs, plan.target, owner, maps)
        sources.open_others()
        give_streams(maps)
        if sources.writable_cgroups:
            delegate(place, maps.root)
    except Invalid as error:
        raise SetupError(error.message) from error
    manner = plan.manner
    if manner is not None:
        manner.settle()
        manner = replace(manner, process=replace(manner.process, scheduler=None, io_priority=None))
    if plan.process.oom_score_adj is not None:
        limits.set_oom_score_adj(plan.process.oom_score_adj, sync)
    raise_hard_limits(plan.process.rlimits)
    process = replace(plan.process, oom_score_adj=None)
    plan = replace(
        plan, spec=replace(plan.spec, process=process), process=process, mounts=tuple(sources.plans), manner=manner
    )
    _enter(plan, owner)
    pid, pidfd = clone3(plan.clone_flags | CLONE_PARENT | CLONE_CLEAR_SIGHAND)
    if pid:
        _hand_over(handover, pidfd)
    handover.close()
    os.close(owner)
    inside(plan, Prepared(root, tuple(sources.trees)), sync)


def _hand_over(handover: socket.socket, pidfd: int) -> NoReturn:
    try:
        descriptors.send_fds(handover, b"born", [pidfd])
    finally:
        os._exit(0)


def _user_namespace(user: UserPlan) -> tuple[int, IDMaps]:
    """A descriptor of it, and what it maps."""
    try:
        if not user.path:
            assert user.maps is not None
            return user_namespace.make(user.maps.uid_text, user.maps.gid_text), user.maps
        owner = os.open(user.path, os.O_RDONLY | os.O_CLOEXEC)
        return owner, user.maps or read_maps_inside(owner)
    except OSError as error:
        doing = f"joining namespace {user.path}" if user.path else "creating user namespace"
        raise described(doing, error) from error


def _enter(plan: ContainerPlan, owner: int) -> None:
    """Others first: with the powers that the user namespace takes away they can be entered whoever owns them."""
    joins = [*plan.joins, (ns.CLONE_NEWPID, plan.pid_namespace)] if plan.pid_namespace else plan.joins
    for flag, path in joins:
        join(flag, path)
    try:
        ns.setns(owner, ns.CLONE_NEWUSER)
    except OSError as error:
        raise described("joining user namespace", error) from error
