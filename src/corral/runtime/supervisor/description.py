"""What a driver has written into the bundle about a container, and the little of it that is needed all the time."""

from __future__ import annotations

from dataclasses import dataclass

from corral.errors import Invalid
from corral.oci.codec import Codec
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Spec
from corral.runtime.driver import RuntimeBinary
from corral.runtime.supervisor import records


@dataclass(frozen=True, slots=True)
class Traits:
    """``cgroup``: its path; ``all_controllers``: the container may see and write its cgroups; ``runtime``: who makes
    its processes, None for ourselves; ``hooks``: there may be some for us to run."""

    cgroup: str
    own_pid_namespace: bool = False
    all_controllers: bool = False
    runtime: RuntimeBinary | None = None
    hooks: bool = False

    @classmethod
    def of(cls, spec: Spec, runtime: RuntimeBinary | None = None) -> Traits:
        own = any(namespace.type == "pid" and not namespace.path for namespace in spec.linux.namespaces)
        writable = any(mount.type in ("cgroup", "cgroup2") and "ro" not in mount.options for mount in spec.mounts)
        hooks = spec.hooks is not None and runtime is None
        return cls(spec.linux.cgroups_path, own, writable, runtime, hooks)

    def to_json(self) -> records.Record:
        return _TRAITS.encode(self)

    @classmethod
    def from_json(cls, data: records.Record) -> Traits:
        """Raises ValueError."""
        return _TRAITS.decode(data)


_TRAITS = Codec.of(Traits)


def read_bundle(bundle: str) -> tuple[Spec, tuple[RootfsMount, ...]]:
    """The driver's description. Raises Invalid."""
    config, rootfs = records.read(bundle, "config"), records.read_list(bundle, "rootfs")
    if config is None:
        raise Invalid(f"{bundle}/config.json: no JSON object")
    try:
        return Spec.from_json(config), tuple(RootfsMount.from_json(mount) for mount in rootfs)
    except ValueError as error:
        raise Invalid(f"{bundle}: {error}") from error
