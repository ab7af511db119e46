"""``linux.intelRdt``: the class of service that a container has beside its cgroup, for the few that have one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corral.errors import Invalid
from corral.oci.runtime import IntelRdt

if TYPE_CHECKING:
    from corral.runtime.cgroups import Cgroup
    from corral.runtime.command.container import Container
    from corral.runtime.rdt.group import RdtGroup

__all__ = ["group_of", "statistics", "update", "with_rdt"]


def with_rdt(cgroup: Cgroup, rdt: IntelRdt, id: str) -> None:
    """The ``cgroup`` of the container ``id`` makes, joins and removes its class as well. Raises Invalid."""
    from corral.runtime.rdt.group import RdtGroup

    cgroup.beside = RdtGroup(rdt, id)


def group_of(found: Container) -> RdtGroup | None:
    """By what is recorded of it. Raises Invalid."""
    if b'"intelRdt"' not in found.directory.read("config.json"):
        return None
    from corral.runtime.command.bundle import decode
    from corral.runtime.rdt.group import RdtGroup

    rdt = decode(found.directory.config()).linux.intel_rdt
    return RdtGroup(rdt, found.id) if rdt is not None else None


def update(found: Container, l3_cache_schema: str, mem_bw_schema: str) -> dict[str, Any]:
    """Other limits, "" to leave one as it is. Returns what changes in ``linux.intelRdt``. Raises Invalid, OSError."""
    group = group_of(found)
    if group is None:
        raise Invalid("Intel RDT: the container has no such group")
    lines = {"l3CacheSchema": l3_cache_schema, "memBwSchema": mem_bw_schema}
    asked = {name: line for name, line in lines.items() if line}
    group.update(list(asked.values()))
    return asked


def statistics(found: Container) -> dict[str, Any]:
    """As runc's ``types.Stats`` has it."""
    group = group_of(found)
    if group is None:
        return {}
    from corral.runtime.rdt.usage import domains

    counted = domains(group.monitor) if group.monitor else []
    shown: dict[str, Any] = {}
    if any(domain.mbm_total_bytes is not None for domain in counted):
        names = "mbm_total_bytes", "mbm_local_bytes"
        shown["mbm_stats"] = [{name: getattr(domain, name) or 0 for name in names} for domain in counted]
    if any(domain.llc_occupancy is not None for domain in counted):
        shown["cmt_stats"] = [{"llc_occupancy": domain.llc_occupancy or 0} for domain in counted]
    return shown
