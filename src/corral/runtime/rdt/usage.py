"""What the processor has counted for a monitoring group: occupied cache and traffic to memory, by domain."""

from __future__ import annotations

import os
from dataclasses import dataclass

__all__ = ["Domain", "domains"]


@dataclass(frozen=True, slots=True)
class Domain:
    """Of one L3 cache. Bytes; None where the processor does not count, or has nothing to say at the moment."""

    llc_occupancy: int | None
    mbm_total_bytes: int | None
    mbm_local_bytes: int | None


def domains(directory: str) -> list[Domain]:
    """Of the group in ``directory``, in the order of the domains; empty where nothing is counted."""
    try:
        names = sorted(os.listdir(f"{directory}/mon_data"))
    except OSError:
        return []
    return [Domain(*(_number(f"{directory}/mon_data/{name}/{field}") for field in _FIELDS)) for name in names]


_FIELDS = ("llc_occupancy", "mbm_total_bytes", "mbm_local_bytes")


def _number(path: str) -> int | None:
    try:
        with open(path) as file:
            return int(file.read())
    except (OSError, ValueError):  # "Unavailable", "Error"
        return None
