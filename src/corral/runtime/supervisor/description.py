"""What a driver has written into the bundle about a container, and the little of it that is needed all the time."""

from __future__ import annotations

from dataclasses import dataclass

from corral.errors import Invalid
from corral.oci.codec import Codec
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import IntelRdt, Spec
from corral.runtime.cgroups import Cgroup, Hierarchies
from corral.runtime.driver import RuntimeBinary
from corral.runtime.supervisor import records


@dataclass(frozen=True, slots=True)
class Traits:
    """``cgroup``: its path; ``all_controllers``: the container may see and write its cgroups; ``runtime``: who makes
    its processes, None for ourselves; ``hooks``: there may be some for us to run; ``traces``: its processes may trace
    what the host's root has made; ``rdt``: its class of service, for us to make."""

    cgroup: str
    own_pid_namespace: bool = False
    all_controllers: bool = False
    runtime: RuntimeBinary | None = None
    hooks: bool = False
    traces: bool = False
    rdt: IntelRdt | None = None

    @classmethod
    def of(cls, spec: Spec, runtime: RuntimeBinary | None = None) -> Traits:
        own = any(namespace.type == "pid" and not namespace.path for namespace in spec.linux.namespaces)
        writable = any(mount.type in ("cgroup", "cgroup2") and "ro" not in mount.options for mount in spec.mounts)
        hooks = spec.hooks is not None and runtime is None
        rdt = spec.linux.intel_rdt if runtime is None else None
        return cls(spec.linux.cgroups_path, own, writable, runtime, hooks, _traces(spec), rdt)

    def to_json(self) -> records.Record:
        return _TRAITS.encode(self)

    @classmethod
    def from_json(cls, data: records.Record) -> Traits:
        """Raises ValueError."""
        return _TRAITS.decode(data)


_TRAITS = Codec.of(Traits)


def cgroup_of(hierarchies: Hierarchies, traits: Traits, id: str) -> Cgroup:
    """With what the container ``id`` has beside it. Raises Invalid."""
    cgroup = Cgroup.at(hierarchies, traits.cgroup, everything=traits.all_controllers)
    if traits.rdt is not None:
        from corral.runtime.rdt.group import RdtGroup  # few need it

        cgroup.beside = RdtGroup(traits.rdt, id)
    return cgroup


def _traces(spec: Spec) -> bool:
    given = spec.process.capabilities
    if given is not None and "CAP_SYS_PTRACE" not in given.bounding:
        return False
    return all(namespace.type != "user" for namespace in spec.linux.namespaces)


def read_bundle(bundle: str) -> tuple[Spec, tuple[RootfsMount, ...]]:
    """The driver's description. Raises Invalid."""
    config, rootfs = records.read(bundle, "config"), records.read_list(bundle, "rootfs")
    if config is None:
        raise Invalid(f"{bundle}/config.json: no JSON object")
    try:
        return Spec.from_json(config), tuple(RootfsMount.from_json(mount) for mount in rootfs)
    except ValueError as error:
        raise Invalid(f"{bundle}: {error}") from error
