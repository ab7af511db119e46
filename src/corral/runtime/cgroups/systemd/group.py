"""A container's place in all hierarchies as a scope of systemd's.

::

    cgroup = Cgroup.at(hierarchies, "machine.slice:corral:ID")
    cgroup.create(resources)     # systemd makes the scope, around a placeholder: there are no empty ones
    ... clone the container's first process into it ...
    cgroup.entered(pid)          # the placeholder ends

Delegate= leaves everything below the scope to us, and has systemd enable every controller that it knows above it. Each
request is a connection of its own to the system bus: nothing has to survive a restart of the bus or of ourselves.
Annotations ``org.systemd.property.NAME`` are properties of the scope, as runc and crun have them.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from typing import Final

from corral.errors import CorralError, Unavailable
from corral.linux import prctl
from corral.oci.runtime import Resources
from corral.runtime.cgroups import devices
from corral.runtime.cgroups.cgroup import Cgroup
from corral.runtime.cgroups.hierarchies import Hierarchies
from corral.runtime.cgroups.plan import directory_of
from corral.runtime.cgroups.systemd import names, properties, units
from corral.runtime.cgroups.systemd.annotations import of_annotations
from corral.runtime.cgroups.systemd.bus import Bus
from corral.runtime.cgroups.systemd.files import Files
from corral.runtime.cgroups.systemd.words import Property
from corral.runtime.cgroups.write import apply, write_text

__all__ = ["SystemdCgroup"]

_SYSTEMD: Final = "name=systemd"
_BOOTED: Final = "/run/systemd/system"
"""Is there when systemd is process 1 (sd_booted(3))."""


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

    def create(self, resources: Resources | None, _annotations: Mapping[str, str] | None = None) -> list[str]:
        """Raises Invalid for an annotation, Unavailable without systemd, Internal when it does not make the scope."""
        given = resources or Resources()
        asked = of_annotations(_annotations or {})
        self._placeholder = _fork_placeholder()
        try:
            with _bus() as bus:
                limits = self._accounting() + self._limits(given)
                if not given.devices and self._version("devices") == 1:
                    limits += properties.devices((), 1)
                units.start(bus, self._unit.unit, self._identity() + asked, limits)
            warnings = super().create(given)
            self._allow_devices(given)
            return warnings
        except BaseException:
            self.entered()
            with contextlib.suppress(CorralError, OSError):
                self.delete()
            raise

    def entered(self, _pid: int = 0) -> None:
        if self._placeholder:
            if _pid:
                self._watch(_pid)
            os.kill(self._placeholder, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):  # who reaps all children was faster
                os.waitpid(self._placeholder, 0)
            self._placeholder = 0

    def delete(self) -> None:
        self.entered()
        if any(os.path.isdir(directory) for directory in self._candidates()):
            self.kill()
        with contextlib.suppress(CorralError), _bus() as bus:  # an empty scope ends by itself
            units.stop(bus, self._unit.unit)
        super().delete()

    def _confirm(self, resources: Resources) -> None:
        wanted = self._limits(resources)
        if not wanted:
            return
        files = Files(self._hierarchies, self.path)
        with self._devices_kept(resources), _bus() as bus:
            units.change(bus, self._unit.unit, wanted)
        files.put_back()

    @contextlib.contextmanager
    def _devices_kept(self, resources: Resources) -> Iterator[None]:
        """In version 1 systemd denies all devices before it allows some, and does not know all that was asked for."""
        place = self._hierarchies.of("devices")
        if place is None or not resources.devices:
            yield
            return
        frozen = self.is_frozen()
        self.freeze()
        try:
            yield
            self._allow_devices(resources)
        finally:
            if not frozen:
                self.thaw()

    def _allow_devices(self, resources: Resources) -> None:
        """In version 1, exactly what was asked for instead of what systemd has understood of it."""
        place = self._hierarchies.of("devices")
        if place is not None:
            listed = self._read("devices", "devices.list")
            apply(directory_of(place, self.path), devices.v1_change(listed, resources.devices))

    def _watch(self, pid: int) -> None:
        """On version 1 the process enters its groups by itself, a little later: a scope that is empty would be gone."""
        for hierarchy in self._hierarchies.v1:
            if _SYSTEMD in hierarchy.controllers:
                with contextlib.suppress(OSError):  # it has ended
                    write_text(f"{directory_of(hierarchy, self.path)}/cgroup.procs", str(pid))

    def _identity(self) -> list[Property]:
        """What makes the unit ours."""
        unit = self._unit
        wanted: list[Property] = [
            ("Description", ("s", f"corral container {self._place.rpartition(':')[2]}")),
            ("DefaultDependencies", ("b", False)),
        ]
        if unit.unit.endswith(".slice"):
            return [*wanted, ("Wants", ("as", [unit.slice]))]
        return [
            *wanted,
            ("Slice", ("s", unit.slice)),
            ("Delegate", ("b", True)),
            ("PIDs", ("au", [self._placeholder])),
        ]

    def _accounting(self) -> list[Property]:
        """A controller that systemd takes to be of no use may be switched off above the scope."""
        io = "BlockIOAccounting" if self._version("blkio") == 1 else "IOAccounting"
        return [(name, ("b", True)) for name in ("MemoryAccounting", "CPUAccounting", "TasksAccounting", io)]

    def _limits(self, resources: Resources) -> list[Property]:
        return properties.of_resources(resources, self._version("memory"))

    def _version(self, controller: str) -> int:
        place = self._hierarchies.of(controller)
        return 2 if place is None else place.version


def _bus() -> Bus:
    """Raises Unavailable."""
    try:
        return Bus()
    except Unavailable as error:
        if os.path.isdir(_BOOTED):
            raise
        why = "systemd not running on this host, cannot use systemd cgroups manager"
        raise Unavailable(f"{why}: {error.message}") from error


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
