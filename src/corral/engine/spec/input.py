"""Everything that a spec is made of, gathered before: building it reads nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

from corral.engine.cdi.edits import NO_EDITS, Edits
from corral.engine.container.record import ContainerRecord
from corral.engine.container.security_options import SecurityOptions
from corral.engine.container.settings import Settings
from corral.engine.spec.host import HostFacts
from corral.oci.runtime import Device, DeviceRule, Mount, Seccomp

__all__ = ["HostDevices", "SpecInput"]


@dataclass(frozen=True, slots=True)
class HostDevices:
    """Nodes to make in the container and the rules that let it use them."""

    nodes: tuple[Device, ...] = ()
    rules: tuple[DeviceRule, ...] = ()


@dataclass(frozen=True, slots=True)
class SpecInput:
    """``namespaces``: paths of namespaces to join, by their OCI type ("network", "pid", "ipc"); a private one is made
    for those that are missing, unless the mode says host.

    ``etc``: host paths of hostname, hosts and resolv.conf by their names in /etc; ``shm``: the donor's /dev/shm when
    another container's IPC namespace is joined; ``seccomp``: annotations that name a compiled filter, empty for none;
    ``seccomp_description``: the filter for a runtime that is not ours;
    ``named_devices``: what devices that were asked for by name change; ``block_devices``: (major, minor) of the paths
    that I/O limits name.
    """

    record: ContainerRecord
    host: HostFacts = field(default_factory=HostFacts)
    settings: Settings = field(default_factory=Settings)
    security: SecurityOptions = field(default_factory=SecurityOptions)
    capabilities: tuple[str, ...] = ()
    namespaces: dict[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    etc: dict[str, str] = field(default_factory=dict)
    shm: str = ""
    devices: HostDevices = HostDevices()
    block_devices: dict[str, tuple[int, int]] = field(default_factory=dict)
    named_devices: Edits = NO_EDITS
    seccomp: dict[str, str] = field(default_factory=dict)
    seccomp_description: Seccomp | None = None
