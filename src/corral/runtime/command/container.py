"""A recorded container, as the kernel has it at this moment. What was recorded says where to look, never what is so."""

from __future__ import annotations

import os
import select
import signal
from typing import Any, Final

from corral.errors import Conflict, Internal, NotFound
from corral.runtime.command import door, procfs
from corral.runtime.command.records import Directory, Record, Records

__all__ = ["CREATED", "CREATING", "PAUSED", "RUNNING", "STOPPED", "Container", "find", "find_all"]

CREATING: Final = "creating"
CREATED: Final = "created"
RUNNING: Final = "running"
PAUSED: Final = "paused"
STOPPED: Final = "stopped"

_DEATH: Final = 10.0
"""Seconds that a killed process may take to end."""


class Container:
    """``record`` is None for one that is being created, or whose creation was killed."""

    __slots__ = ("directory", "record")

    def __init__(self, directory: Directory, record: Record | None) -> None:
        self.directory = directory
        self.record = record

    @property
    def id(self) -> str:
        return self.directory.id

    def recorded(self) -> Record:
        """Raises Conflict while it is being created."""
        if self.record is None:
            raise Conflict(f"container {self.id} is not created yet")
        return self.record

    def status(self) -> str:
        """One of the specification's, or "paused"."""
        record = self.record
        if record is None:
            return CREATING
        if not procfs.is_alive(record.pid, record.ticks):
            return STOPPED
        if door.is_answered(self.directory):
            return CREATED
        if record.pending and not self._is_free():
            return CREATING
        return PAUSED if self.cgroup().is_frozen() else RUNNING

    def cgroup(self) -> Any:
        """``cgroups.Cgroup``. Raises Conflict while it is being created."""
        from corral.runtime.cgroups import Cgroup, Hierarchies

        return Cgroup.at(Hierarchies.of_host(), self.recorded().cgroup)

    def open_process(self) -> int | None:
        """A pidfd of the first process, None when it has ended."""
        record = self.recorded()
        return procfs.open_process(record.pid, record.ticks)

    def kill(self) -> None:
        """Everything that is in it, and wait until the first process has ended. Raises Internal when it does not."""
        pidfd = self.open_process()
        cgroup = self.cgroup()
        try:
            if pidfd is not None:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            if cgroup.is_frozen():
                cgroup.thaw()
            cgroup.kill()
            if pidfd is not None:
                poll = select.poll()
                poll.register(pidfd, select.POLLIN)
                if not poll.poll(_DEATH * 1000):
                    raise Internal(f"container {self.id}: process {self.recorded().pid} does not end")
        except ProcessLookupError:
            return
        finally:
            if pidfd is not None:
                os.close(pidfd)

    def state(self) -> dict[str, Any]:
        """As the specification has it (runtime.md, "State"), with what runc adds."""
        from corral.oci.runtime import OCI_VERSION
        from corral.runtime.command.context import rfc3339

        record = self.recorded()
        status = self.status()
        return {
            "ociVersion": OCI_VERSION,
            "id": self.id,
            "pid": 0 if status == STOPPED else record.pid,
            "status": status,
            "bundle": record.bundle,
            "rootfs": record.rootfs,
            "created": rfc3339(record.created),
            **({"annotations": record.annotations} if record.annotations else {}),
            "owner": "",
        }

    def _is_free(self) -> bool:
        """Whether nobody is changing it: asked by a descriptor of its own, since locks are shared by duplicates."""
        other = os.open(f"/proc/self/fd/{self.directory.fd}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        probe = Directory(self.directory.root, self.id, other)
        try:
            return probe.lock(wait=False)
        finally:
            probe.close()


def find(root: str, id: str, *, lock: bool = False) -> Container:
    """``lock``: nobody else changes it until this process ends. Raises Invalid, NotFound, Forbidden."""
    directory = Records(root).open(id)
    if lock:
        directory.lock()
        if not os.fstat(directory.fd).st_nlink:  # removed while we waited
            raise NotFound("container does not exist")
    return Container(directory, directory.record())


def find_all(root: str) -> list[Container]:
    """Those that have been created, by id."""
    containers = []
    for id in Records(root).ids():
        try:
            container = find(root, id)
        except (NotFound, Conflict):
            continue
        if container.record is not None:
            containers.append(container)
    return containers
