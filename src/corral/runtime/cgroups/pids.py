"""The pids controller: how many processes and threads."""

from __future__ import annotations

from typing import Final

from corral.oci.runtime import Resources
from corral.runtime.cgroups.write import Write

__all__ = ["WARNING", "is_asked", "v1", "v2"]

WARNING: Final = (
    "Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded."
)


def is_asked(resources: Resources) -> bool:
    return resources.pids is not None


def v1(resources: Resources) -> list[Write]:
    """Both versions have the same file."""
    if resources.pids is None:
        return []
    limit = resources.pids.limit
    return [Write("pids.max", str(limit) if limit > 0 else "max", WARNING)]


v2 = v1
