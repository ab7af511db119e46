"""The rdma controller: handles and objects of each host channel adapter. Both versions have the same file."""

from __future__ import annotations

from typing import Final

from corral.oci.runtime import Resources
from corral.runtime.cgroups.write import Write

__all__ = ["WARNING", "is_asked", "v1", "v2"]

WARNING: Final = "Your kernel does not support the rdma controller or it is not mounted. Limitation discarded."


def is_asked(resources: Resources) -> bool:
    return bool(resources.rdma)


def v1(resources: Resources) -> list[Write]:
    """What is not said about an adapter stays as it is."""
    writes = []
    for adapter, limits in resources.rdma.items():
        pairs = (("hca_handle", limits.hca_handles), ("hca_object", limits.hca_objects))
        text = " ".join(f"{key}={value}" for key, value in pairs if value is not None)
        if text:
            writes.append(Write("rdma.max", f"{adapter} {text}", WARNING))
    return writes


v2 = v1
