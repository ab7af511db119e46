"""The ordered page of an exec: how a new process becomes one more process of a container.

It was cloned in the container's PID namespace, or gives birth to who goes there at the end; everything else it joins
itself. The container is running and hostile: after the mount namespace is entered every path is the container's.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from corral.linux import namespace
from corral.oci.runtime import Process
from corral.runtime.init import cgroup, limits, mapped, process
from corral.runtime.init.console import open_console
from corral.runtime.init.credentials import reopen_null
from corral.runtime.init.failure import described
from corral.runtime.init.inside import Root
from corral.runtime.init.manner import Manner
from corral.runtime.init.messages import Sync
from corral.runtime.init.user import identify
from corral.runtime.security.seccomp.load import Filter

if TYPE_CHECKING:  # few need it
    from corral.runtime.init.birth import Birth

__all__ = ["ExecPlan", "run"]

_NAMESPACES: Final = (
    namespace.CLONE_NEWNS
    | namespace.CLONE_NEWIPC
    | namespace.CLONE_NEWUTS
    | namespace.CLONE_NEWNET
    | namespace.CLONE_NEWCGROUP
)


@dataclass(frozen=True, slots=True)
class ExecPlan:
    """``late_cgroup``: the version 2 directory of one that must not be born in it; ``manner``: what is unusual;
    ``user``, ``clock``: the container has a user namespace, a time namespace of its own; ``birth``: it has not been
    cloned in the PID namespace."""

    process: Process
    seccomp: Filter | None
    late_cgroup: str = ""
    new_keyring: bool = True
    id: str = ""
    manner: Manner | None = None
    user: bool = False
    clock: bool = False
    birth: Birth | None = None


def run(plan: ExecPlan, procs_files: list[str], init_pidfd: int, sync: Sync) -> None:
    """Raises SetupError and OSError; returns only when the supervisor has gone before it said go."""
    os.umask(0)
    os.setsid()
    if plan.manner is not None:
        plan.manner.before_cgroup()
    cgroup.join(procs_files)
    if plan.late_cgroup:
        cgroup.join_v2(plan.late_cgroup)
    if plan.manner is not None:
        plan.manner.in_cgroup()
    if plan.new_keyring:
        process.leave_keyring(plan.id)
    # Through the host's procfs, for the last time.
    if plan.process.oom_score_adj is not None:
        limits.set_oom_score_adj(plan.process.oom_score_adj, sync)
    process.label(plan.process)
    namespaces = _NAMESPACES | namespace.CLONE_NEWTIME if plan.clock else _NAMESPACES
    if plan.birth is not None:
        namespaces |= namespace.CLONE_NEWPID
    if plan.user:
        mapped.join(init_pidfd, namespaces, plan.process.rlimits)
    else:
        try:
            # All at once; those that the container shares with us are entered again, which changes nothing.
            namespace.setns(init_pidfd, namespaces)
        except OSError as error:
            raise described("joining the container's namespaces", error) from error
    os.close(init_pidfd)
    root = Root(os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    identity = identify(root, plan.process)
    if plan.process.terminal:
        open_console(root, plan.process.console_size, identity.uid, sync).adopt(controlling=plan.birth is None)
    else:
        reopen_null(root)
    os.close(root.fd)
    process.start(plan.process, identity, plan.seccomp, sync, None, plan.manner, plan.birth)
