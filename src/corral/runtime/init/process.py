"""The last part of both pages: from root inside the container to the user's program."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from corral.linux import fd, keyctl, prctl
from corral.oci.runtime import Process
from corral.runtime.init import credentials, limits, procfs, program, workdir
from corral.runtime.init.failure import described
from corral.runtime.init.manner import Manner
from corral.runtime.init.messages import Sync
from corral.runtime.init.reaper import Reaper
from corral.runtime.init.user import Identity
from corral.runtime.security import capabilities
from corral.runtime.security.seccomp.load import Filter

if TYPE_CHECKING:  # few need it
    from corral.runtime.init.birth import Birth

__all__ = ["label", "leave_keyring", "start"]

_UMASK: Final = 0o022


_KEYRING: Final = (
    keyctl.KEY_POS_ALL | keyctl.KEY_USR_VIEW | keyctl.KEY_USR_READ | keyctl.KEY_USR_SEARCH | keyctl.KEY_USR_LINK
)
"""As a new one, and its user may find it by name: the container's later processes, before they become who they are."""


def leave_keyring(id: str = "") -> None:
    """The host's session keyring is not the container's: all of its processes have one, named after it as runc does.

    Kernels without keys, and full quotas, have nothing to leave or nothing better to offer.
    """
    try:
        if id:
            keyctl.setperm(keyctl.join_session_keyring(f"_ses.{id}"), _KEYRING)
        else:
            keyctl.join_session_keyring()
    except OSError:
        return


def label(process: Process) -> None:
    """What the security modules do at the next execve, through the host's procfs: before the root changes."""
    if process.apparmor_profile:
        _write_attribute("apparmor", f"exec {process.apparmor_profile}", "unable to apply apparmor profile")
    if process.selinux_label:
        _write_attribute("selinux", process.selinux_label, "unable to apply selinux label")


def _write_attribute(module: str, text: str, doing: str) -> None:
    """Raises SetupError also when the kernel does not have the module: what was asked for would not hold."""
    # Before Linux 5.8 AppArmor has no directory of its own, and SELinux never has.
    own = os.path.isdir(f"/proc/self/attr/{module}")
    path = f"self/attr/{module}/exec" if own else "self/attr/exec"
    try:
        procfs.write(path, text)
    except OSError as error:  # also ENOENT: that of a profile that is not loaded
        raise described(f"{doing}: {module} failed to apply profile: write /proc/{path}", error) from error


def start(
    process: Process,
    identity: Identity,
    seccomp: Filter | None,
    sync: Sync,
    reaper: Reaper | None = None,
    manner: Manner | None = None,
    birth: Birth | None = None,
    execve: program.Execve = os.execve,
) -> None:
    """Never returns, unless the supervisor has gone. ``birth``: not the caller becomes the program, but who it bears;
    ``execve``: how the caller does. Raises SetupError.

    Order matters: limits while CAP_SYS_RESOURCE is effective; the program is looked for as the user; the filter before
    the last capabilities are given up when it needs one (CAP_SYS_ADMIN), after them when no_new_privs stands in for it,
    so that it need not allow what giving up takes.
    """
    if manner is not None:
        manner.settle()
    limits.set_rlimits(process.rlimits, sync)
    if not process.terminal:
        credentials.give_streams(identity.uid)
    credentials.become(process, identity)
    os.umask(_UMASK if process.user.umask is None else process.user.umask)
    workdir.enter(process.cwd)
    env = program.environment(process.env, identity.home)
    path = program.find(process.args[0], env.get("PATH", ""))

    if not sync.wait_for_go():
        return

    # Nothing above the standard streams goes through execve; the socket's end is how the supervisor sees it succeed.
    if manner is None:
        fd.close_range(3, flags=fd.CLOSE_RANGE_CLOEXEC)
    else:
        manner.close_others()
    page = -1 if birth is None else birth.prepare()
    try:
        if process.no_new_privileges:
            prctl.set_no_new_privs()
        elif seccomp is not None:
            capabilities.raise_effective()
            _confine(seccomp, sync)
        if process.capabilities is not None:
            capabilities.apply(process.capabilities)
        if process.no_new_privileges and seccomp is not None:
            _confine(seccomp, sync)
    except OSError as error:
        raise described("error giving up privileges", error) from error
    if manner is not None and manner.last_step is not None:
        manner.last_step()
    if reaper is not None:
        reaper.fork()
    if manner is not None:
        manner.hand_on(env)
    if birth is not None:
        birth.execute(page, path, process.args, env, terminal=process.terminal)
    program.execute(path, process.args, env, execve)


def _confine(seccomp: Filter, sync: Sync) -> None:
    listener = seccomp.install()
    if listener is not None:
        sync.hand_over(listener)
        os.close(listener)
