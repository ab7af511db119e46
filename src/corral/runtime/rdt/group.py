"""A container's class of service (CTRL_MON group) and, if it is to be watched, its monitoring group within that.

::

    RESCTRL/                         mount point; itself the group of class "/", where everybody is who is in no other
    ├── schemata  tasks              limits of the class; who is in it
    ├── info/last_cmd_status         why the last write was refused
    └── CLASS/                       closID, or the container's id
        ├── schemata  tasks
        └── mon_groups/ID/           with enableMonitoring
            └── tasks  mon_data/

The rules are those of config-linux.md, "IntelRdt": a class without a name is the container's own and goes with it; one
with a name stays, is made when limits are given for it, and must have those very limits when it exists.
"""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, suppress
from typing import Final

from corral.errors import Exhausted, Invalid, NotFound, Unsupported
from corral.oci.runtime import IntelRdt
from corral.runtime.rdt.mount import mount_point
from corral.runtime.rdt.schemata import disagreement, lines_of

__all__ = ["RdtGroup"]

_DEFAULT: Final = "/"
_NOT_CLASSES: Final = ("", ".", "..", "info", "mon_groups", "mon_data")

_NOT_MOUNTED: Final = "intelRdt is specified in config, but Intel RDT is not enabled: no resctrl file system is mounted"

make_directory = os.mkdir
remove_directory = os.rmdir


class RdtGroup:
    """Implements ``cgroups.beside.Beside``."""

    __slots__ = ("_directory", "_monitor", "_own", "_rdt", "_root")

    def __init__(self, rdt: IntelRdt, id: str, root: str = "") -> None:
        """``id``: the container's; ``root``: where resctrl is mounted. Raises Invalid."""
        self._rdt = rdt
        self._own = not rdt.clos_id
        self._root: str = root or mount_point() or ""
        name = rdt.clos_id or id
        if name != _DEFAULT and ("/" in name or name in _NOT_CLASSES):
            raise Invalid(f"invalid intelRdt.ClosID: {name!r}")
        self._directory = self._root if name == _DEFAULT else f"{self._root}/{name}"
        self._monitor = f"{self._directory}/mon_groups/{id}" if rdt.monitored else ""

    @property
    def directory(self) -> str:
        """Of the class."""
        return self._directory

    @property
    def monitor(self) -> str:
        """The directory of the monitoring group, "" without one."""
        return self._monitor

    def create(self) -> None:
        """On failure nothing remains.

        Raises Invalid for limits that the kernel refuses or that a class does not have, NotFound for a named class that
        is not there, Exhausted when there are no more, Unsupported without resctrl, OSError.
        """
        if not self._root:
            raise Unsupported(_NOT_MOUNTED)
        wanted = lines_of(self._rdt)
        with ExitStack() as undo:
            if self._is_made(wanted):
                undo.callback(self._remove, self._directory)
                for line in wanted:
                    self._write(line)
            elif wanted and (other := disagreement(wanted, _read(f"{self._directory}/schemata"))) is not None:
                raise Invalid(f"intelRdt: the class of service {self._directory} exists, and not with {other}")
            if self._monitor:
                self._make(self._monitor, "monitoring groups")
            undo.pop_all()

    def update(self, lines: list[str]) -> None:
        """Other limits for the class, and for all who are in it. Raises Invalid, OSError."""
        for line in lines:
            self._write(line)

    def tasks_files(self) -> list[str]:
        """In which a process writes "0", in this order, to be in it."""
        if not self._root:
            return []
        return [f"{directory}/tasks" for directory in (self._directory, self._monitor) if directory]

    def delete(self) -> None:
        """Those who are in it still are in the class "/" then. Idempotent. Raises OSError."""
        if not self._root:
            return
        if self._monitor:
            self._remove(self._monitor)
        if self._own:
            self._remove(self._directory)

    def _is_made(self, wanted: list[str]) -> bool:
        """Whether the class is new: made now, as it must be."""
        if not self._own and (os.path.isdir(self._directory) or not wanted):
            if not os.path.isdir(self._directory):
                raise NotFound(f"intelRdt: there is no class of service {self._directory}, and no limits to make one")
            return False
        try:
            self._make(self._directory, "classes of service")
        except FileExistsError:
            if not self._own:  # made by somebody else at this moment
                return False
        return True

    def _make(self, path: str, what: str) -> None:
        try:
            make_directory(path, 0o755)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise Exhausted(f"intelRdt: the processor has no more {what}: {path}") from error
            if error.errno == errno.ENOENT and path == self._monitor:
                raise Unsupported(f"intelRdt: the processor has no {what}: {path}") from error
            raise

    def _remove(self, path: str) -> None:
        with suppress(FileNotFoundError):
            remove_directory(path)

    def _write(self, line: str) -> None:
        file = f"{self._directory}/schemata"
        fd = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, f"{line}\n".encode())
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise OSError(error.errno, f"write {line!r}: {error.strerror}", file) from error
            reason = _read(f"{self._root}/info/last_cmd_status", "").strip()
            raise Invalid(f"intelRdt: {file} refuses {line}{f': {reason}' if reason else ''}") from error
        finally:
            os.close(fd)


def _read(path: str, otherwise: str | None = None) -> str:
    """Raises OSError, without ``otherwise``."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        if otherwise is None:
            raise
        return otherwise
