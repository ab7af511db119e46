"""Namespaces of other containers that a container joins at its start."""

from __future__ import annotations

from dataclasses import dataclass, field

from corral.engine.container.context import Engine
from corral.engine.container.modes import joined
from corral.engine.container.record import ContainerRecord, Status
from corral.errors import Conflict, Internal, Invalid, NotFound

__all__ = ["Joins", "find_joins"]


@dataclass(frozen=True, slots=True)
class Joins:
    """``namespaces``: paths by OCI type; the donors of network and IPC, whose files are used as well."""

    namespaces: dict[str, str] = field(default_factory=dict)
    network: ContainerRecord | None = None
    ipc: ContainerRecord | None = None


def find_joins(engine: Engine, record: ContainerRecord) -> Joins:
    """Raises Internal (a donor is gone, as Docker has it), Conflict (it does not run), Invalid (it does not share)."""
    donors = {kind: _donor(engine, kind, ref) for kind, ref in joined(record.host_config).items()}
    ipc = donors.get("ipc")
    if ipc is not None and ipc.host_config.ipc_mode not in ("shareable", "host"):
        hint = "non-shareable IPC (hint: use IpcMode:shareable for the donor container)"
        raise Invalid(f"failed to join IPC namespace: container {ipc.id}: {hint}")
    namespaces = {
        kind: f"/proc/{donor.state.pid}/ns/{'net' if kind == 'network' else kind}" for kind, donor in donors.items()
    }
    if record.id_maps is not None and donors:
        # A namespace can be used only within the user namespace that owns it.
        donor = next(iter(donors.values()))
        namespaces["user"] = f"/proc/{donor.state.pid}/ns/user"
    return Joins(namespaces, donors.get("network"), ipc)


def _donor(engine: Engine, kind: str, ref: str) -> ContainerRecord:
    label = kind if kind == "network" else kind.upper()
    try:
        donor = engine.store.find(ref)
    except NotFound as error:
        raise Internal(f"joining {label} namespace of container: {error.message}", code=error.code) from error
    if donor.status.has_process:
        return donor
    if kind == "network":
        state = f"container {donor.name} is {donor.status.value}"
        raise Conflict(f"cannot join network namespace of a non running container: {state}")
    trouble = "is restarting" if donor.status is Status.RESTARTING else "is not running"
    raise Conflict(f"failed to join {label} namespace: container {donor.id} {trouble}")
