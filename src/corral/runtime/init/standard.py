"""The ordered page: how a new process becomes a container's first program. Comments say where order matters.

The process was cloned in its new mount, PID, IPC, UTS and network namespaces (those that are not shared), with the
supervisor's memory, no descriptors but its standard streams and the socket to the supervisor, and all of root's powers.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from corral.linux import namespace, netdevice, uts
from corral.runtime.init import cgroup, clock, devices, limits, mapped, masks, process, rootfs, sysctl, workdir
from corral.runtime.init.cgroupfs import Place
from corral.runtime.init.console import open_console
from corral.runtime.init.credentials import reopen_null
from corral.runtime.init.failure import described
from corral.runtime.init.joins import join
from corral.runtime.init.mapped import Prepared
from corral.runtime.init.messages import Sync
from corral.runtime.init.plan import ContainerPlan
from corral.runtime.init.program import Execve
from corral.runtime.init.reaper import Reaper
from corral.runtime.init.user import identify
from corral.runtime.security.seccomp.load import Filter

if TYPE_CHECKING:  # few need it
    from corral.runtime.init.birth import Birth

__all__ = ["run"]

_SLAVE: Final = ("slave", "rslave")


def run(
    plan: ContainerPlan,
    place: Place,
    seccomp: Filter | None,
    sync: Sync,
    prepared: Prepared | None = None,
    birth: Birth | None = None,
) -> None:
    """``prepared``: by ``outside``, when the process was born in a user namespace of its own; ``birth``: when it has
    not been cloned in the PID namespace that it is to join.

    Raises SetupError and OSError; returns only when the supervisor has gone before it said go.
    """
    spec, linux = plan.spec, plan.spec.linux
    os.umask(0)
    os.setsid()

    # Before everything that costs memory or processes: from here on the limits count.
    if prepared is None:
        cgroup.join(place.procs_files)
        _enter_namespaces(plan)
        if birth is not None:
            join(namespace.CLONE_NEWPID, plan.pid_namespace)
    else:
        root, sources = mapped.begin(plan, prepared), prepared.trees
    if not plan.options.no_new_keyring:
        process.leave_keyring(plan.options.id)

    if prepared is None:
        # Sources are the host's and are looked up before the mount namespace is cut off from it: a shared one stays a
        # peer.
        sources = tuple(rootfs.open_sources(plan.mounts))
        rootfs.detach_from_host()
        root = rootfs.mount_root(plan.rootfs, plan.target, slave=linux.rootfs_propagation in _SLAVE)
    unsealed = rootfs.execute(root, plan.mounts, sources, place, whole_cgroup_tree=not plan.cgroup_namespace)
    if plan.own_dev and prepared is None:
        devices.create(root, linux.devices)
    workdir.make(root, spec.process.cwd)
    identity = identify(root, spec.process)

    # All is mounted, nothing is read-only yet, and the host is still there.
    if plan.before_pivot is not None and not plan.before_pivot(root.fd, sync):
        return

    # The console is a mount as well: after /dev/pts, before anything becomes read-only.
    if spec.process.terminal:
        console = open_console(root, spec.process.console_size, identity.uid, sync)
        if plan.own_dev:
            console.bind(root)
        console.adopt(controlling=birth is None)
    else:
        reopen_null(root)
    rootfs.seal(unsealed)
    if spec.root.readonly:
        rootfs.make_readonly(root)

    # These are written through the host's procfs, which only the next steps hide; the kernel applies them to us.
    if plan.new_network:
        netdevice.set_up("lo")
    if spec.hostname or spec.domainname:
        _set_names(spec.hostname, spec.domainname)
    if prepared is None:
        sysctl.write(linux.sysctl)
    if spec.process.oom_score_adj is not None:
        limits.set_oom_score_adj(spec.process.oom_score_adj, sync)
    process.label(spec.process)

    # After the sysctls, since /proc/sys is among the read-only paths.
    masks.protect(root, linux.readonly_paths)
    masks.mask(root, linux.masked_paths)
    if plan.options.no_pivot:
        rootfs.move(root, plan.target)
    else:
        rootfs.pivot(root)
    rootfs.set_propagation(linux.rootfs_propagation)
    # A directory that were still open would be a way out for a program named /proc/self/fd/N/.. (CVE-2024-21626).
    os.close(root.fd)
    if place.cgroup_fd is not None:
        os.close(place.cgroup_fd)

    reaper = Reaper(plan.reaper) if plan.reaper else None
    execve = _trampoline() if plan.options.trampoline else os.execve
    process.start(spec.process, identity, seccomp, sync, reaper, plan.manner, birth, execve=execve)


def _trampoline() -> Execve:
    from corral.runtime.init.trampoline import Trampoline  # who wants one has imported it

    return Trampoline().execve


def _enter_namespaces(plan: ContainerPlan) -> None:
    for flag, path in plan.joins:
        join(flag, path)
    if plan.offsets:
        clock.enter(plan.offsets)
    if plan.cgroup_namespace:
        # Its root is the cgroup that the caller is in at this moment, which is why it was not made by the clone.
        namespace.unshare(namespace.CLONE_NEWCGROUP)


def _set_names(hostname: str, domainname: str) -> None:
    try:
        if hostname:
            uts.sethostname(hostname)
        if domainname:
            uts.setdomainname(domainname)
    except OSError as error:
        raise described(f"sethostname {hostname or domainname}", error) from error
