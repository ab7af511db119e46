"""A container's place in all hierarchies as a scope of systemd's.

::

    cgroup = Cgroup.at(hierarchies, "machine.slice:corral:ID")
    cgroup.create(resources)     # systemd makes the scope, around a placeholder: there are no empty ones
    ... clone the container's first process into it ...
    cgroup.entered()             # the placeholder ends

Delegate= leaves everything below the scope to us. Each request is a connection of its own to the system bus: nothing
has to survive a restart of the bus or of ourselves.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Final

from corral.errors import Conflict, CorralError, Internal, NotFound
from corral.linux import prctl
from corral.oci.runtime import Resources
from corral.runtime.cgroups.cgroup import Cgroup
from corral.runtime.cgroups.hierarchies import Hierarchies
from corral.runtime.cgroups.systemd import names, properties
from corral.runtime.cgroups.systemd.bus import Bus
from corral.runtime.cgroups.systemd.properties import Property

__all__ = ["SystemdCgroup"]

_SYSTEMD: Final = "org.freedesktop.systemd1"
_PATH: Final = "/org/freedesktop/systemd1"
_MANAGER: Final = "org.freedesktop.systemd1.Manager"


class SystemdCgroup(Cgroup):
    """See the module."""

    __slots__ = ("_place", "_placeholder", "_unit")

    def __init__(self, hierarchies: Hierarchies, place: str, *, everything: bool = False) -> None:
        """Raises Invalid."""
        self._unit = names.parse(place)
        self._place = place
        # Where systemd watches version 1 it watches its own hierarchy there, which has to be joined with the others.
        super().__init__(hierarchies, self._unit.path, everything=everything or bool(hierarchies.v1))
        self._placeholder = 0

    @property
    def place(self) -> str:
        return self._place

    def create(self, resources: Resources | None) -> list[str]:
        """Raises Unavailable without a system bus, Internal when systemd does not make the scope."""
        given = resources or Resources()
        self._placeholder = _fork_placeholder()
        try:
            with Bus() as bus:
                _start(bus, self._unit, self._placeholder, self._properties(given))
            return super().create(given)
        except BaseException:
            self.entered()
            with contextlib.suppress(CorralError, OSError):
                self.delete()
            raise

    def entered(self) -> None:
        if self._placeholder:
            os.kill(self._placeholder, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):  # who reaps all children was faster
                os.waitpid(self._placeholder, 0)
            self._placeholder = 0

    def delete(self) -> None:
        self.entered()
        if any(os.path.isdir(directory) for directory in self._candidates()):
            self.kill()
        with contextlib.suppress(CorralError), Bus() as bus:  # an empty scope ends by itself
            _stop(bus, self._unit.unit)
        super().delete()

    def _confirm(self, resources: Resources) -> None:
        wanted = self._properties(resources)
        if wanted:
            with Bus() as bus:
                call = "SetUnitProperties", "sba(sv)", self._unit.unit, True, wanted
                bus.call(_SYSTEMD, _PATH, _MANAGER, *call)

    def _properties(self, resources: Resources) -> list[Property]:
        memory = self._hierarchies.of("memory")
        return properties.of_resources(resources, 1 if memory is not None and memory.version == 1 else 2)


def _start(bus: Bus, unit: names.UnitName, pid: int, limits: list[Property]) -> None:
    """Raises CorralError."""
    is_slice = unit.unit.endswith(".slice")
    wanted: list[Property] = [
        ("Description", ("s", f"corral container {unit.unit.removesuffix('.scope')}")),
        ("DefaultDependencies", ("b", False)),
        *((name, ("b", True)) for name in ("MemoryAccounting", "CPUAccounting", "TasksAccounting")),
        ("Wants", ("as", [unit.slice])) if is_slice else ("Slice", ("s", unit.slice)),
    ]
    if not is_slice:
        wanted += [("Delegate", ("b", True)), ("PIDs", ("au", [pid]))]
    bus.listen(_MANAGER, "JobRemoved")
    bus.call(_SYSTEMD, _PATH, _MANAGER, "Subscribe")
    call = "StartTransientUnit", "ssa(sv)a(sa(sv))", unit.unit, "replace", wanted + limits, ()
    try:
        answer = bus.call(_SYSTEMD, _PATH, _MANAGER, *call)
    except Conflict:
        # One that failed stays loaded until somebody has taken note.
        bus.call(_SYSTEMD, _PATH, _MANAGER, "ResetFailedUnit", "s", unit.unit)
        answer = bus.call(_SYSTEMD, _PATH, _MANAGER, *call)
    _wait_for(bus, answer[0], unit.unit)


def _stop(bus: Bus, unit: str) -> None:
    """Raises CorralError."""
    bus.listen(_MANAGER, "JobRemoved")
    bus.call(_SYSTEMD, _PATH, _MANAGER, "Subscribe")
    try:
        answer = bus.call(_SYSTEMD, _PATH, _MANAGER, "StopUnit", "ss", unit, "replace")
    except NotFound:
        return
    _wait_for(bus, answer[0], unit)
    with contextlib.suppress(CorralError):  # mostly it is unloaded already
        bus.call(_SYSTEMD, _PATH, _MANAGER, "ResetFailedUnit", "s", unit)


def _wait_for(bus: Bus, job: object, unit: str) -> None:
    """Raises Internal when the job does not end well."""
    while True:
        removed = bus.next_signal("JobRemoved")
        if removed.body[1] == job:
            break
    if removed.body[3] not in ("done", "skipped"):
        raise Internal(f"systemd job for {unit} ended with {removed.body[3]}")


def _fork_placeholder() -> int:
    """A process that does nothing, and nothing for longer than its parent lives."""
    pid = os.fork()
    if pid:
        return pid
    try:
        prctl.set_pdeathsig(signal.SIGKILL)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.closerange(0, 1 << 16)
        while True:
            signal.pause()
    finally:
        os._exit(0)
