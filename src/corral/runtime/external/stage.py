"""What the process of a runtime's command does before it becomes that command.

For ``create``: in a mount namespace of its own, which ends with the command. The root is mounted there and nowhere
else; the container gets a copy of it with its own mount namespace and needs the other one no longer. So nothing shows
on the host, and nothing is left over, whoever dies.

Everything is imported before the fork. Raises SetupError, OSError.
"""

from __future__ import annotations

import errno
import os
import posixpath
from contextlib import nullcontext
from dataclasses import replace

from corral.linux import mount as m
from corral.linux.libc import MACHINE
from corral.oci.codec import compact
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Process, Spec
from corral.runtime.external import mapped
from corral.runtime.external.config import complete, complete_process, reaper_command
from corral.runtime.external.workspace import Workspace
from corral.runtime.init import copyup, mapped_root, starter_program, workdir
from corral.runtime.init.failure import SetupError
from corral.runtime.init.inside import Root
from corral.runtime.init.mounts import Kind, MountPlan, make_plans
from corral.runtime.init.program import environment
from corral.runtime.init.user import identify


def prepare_container(workspace: Workspace, spec: Spec, rootfs: tuple[RootfsMount, ...]) -> None:
    """Mount the root, make what is missing in it, and write ``config.json``."""
    _isolate(workspace.rootfs)
    if not rootfs:
        path = posixpath.normpath(os.path.join(workspace.bundle, spec.root.path))
        rootfs = (RootfsMount("bind", path, ("rbind",)),)
    root = mapped.mount_root(spec, rootfs, workspace.rootfs)
    os.chdir("/")
    workdir.make(root, spec.process.cwd)
    plans = make_plans(spec.mounts, spec.linux.uid_mappings, spec.linux.gid_mappings, bundle=workspace.bundle)
    mounts = [mapped.attach(workspace, mount, plan) for mount, plan in zip(spec.mounts, plans, strict=True)]
    for mount, plan in zip(mounts, plans, strict=True):
        _copy_up(root, plan, mount.source)
    spec = replace(spec, mounts=tuple(mounts))
    reaper = _reaper(workspace, spec)
    _write(workspace.config, complete(spec, identify(root, spec.process), workspace.rootfs, reaper))


def prepare_exec(workspace: Workspace, name: str, process: Process, init: int) -> None:
    """Resolve the user in the root of process ``init`` and write the description of the process.

    The files in there are hostile; that is why this happens here and not in the supervisor.
    """
    root = Root(os.open(f"/proc/{init}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    _write(workspace.process(name), complete_process(process, identify(root, process)))


def _isolate(path: str) -> None:
    """The one mount that ``path`` lies in is cut off from the host's; what is mounted below it stays here. All others
    remain what they are, for a container may be given a part of the host that stays its peer."""
    while True:
        try:
            m.mount(None, path, None, m.MS_SLAVE, None)
            return
        except OSError as error:
            if error.errno != errno.EINVAL or path == "/":
                raise
            path = os.path.dirname(path)


def _copy_up(root: Root, plan: MountPlan, source: str) -> None:
    """An empty volume begins with what the image has in its place. Copying into a tmpfs the runtime does itself.

    ``source``: of the mount, which may be seen through a map, as the root may.
    """
    if not plan.copy_up or plan.kind != Kind.BIND:
        return
    there = root.find(plan.destination, os.O_PATH | os.O_DIRECTORY)
    if there is None:
        return
    volume = os.open(source, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    # The host's root is nobody in a mount that maps only the container's ids.
    with mapped_root.inner_root(plan.maps) if plan.maps is not None else nullcontext():
        copyup.fill(there, volume)
    os.close(volume)
    os.close(there)


def _reaper(workspace: Workspace, spec: Spec) -> str:
    """The program of process 1 when it is to be one of ours, "" when it is the user's."""
    if not reaper_command(spec):
        return ""
    name = spec.process.args[0]
    files = starter_program.candidates(name, environment(spec.process.env, "").get("PATH", ""))
    program = starter_program.program(files, f"docker-init: exec {name} failed\n", MACHINE)
    if program is None:
        raise SetupError(f"--init: there is no built-in reaper for {MACHINE}; mount one and make it the entrypoint")
    with open(workspace.reaper, "wb") as file:
        file.write(program)
        os.fchmod(file.fileno(), 0o755)
    return workspace.reaper


def _write(path: str, value: object) -> None:
    with open(path, "wb") as file:
        file.write(compact(value))
