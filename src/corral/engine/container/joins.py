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
        raise Invalid(
            f"cannot join IPC of a non-shareable container {ipc.id}: non-shareable IPC "
            "(hint: use IpcMode:shareable for the donor container)"
        )
    namespaces = {
        kind: f"/proc/{donor.state.pid}/ns/{'net' if kind == 'network' else kind}" for kind, donor in donors.items()
    }
    return Joins(namespaces, donors.get("network"), ipc)


def _donor(engine: Engine, kind: str, ref: str) -> ContainerRecord:
    label = {"network": "network", "pid": "PID", "ipc": "IPC"}[kind]
    try:
        donor = engine.store.find(ref)
    except NotFound as error:
        raise Internal(f"joining {label} namespace of container: {error.message}", code=error.code) from error
    if donor.status is Status.RESTARTING:
        raise Conflict(f"cannot join {label} of restarting container {donor.id}: wait until it is running")
    if not donor.status.has_process:
        raise Conflict(f"cannot join {label} of a non running container: {donor.id}")
    return donor
