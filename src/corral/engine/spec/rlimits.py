"""Resource limits of processes: ``--ulimit`` to the OCI form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from corral.api.types.host_config import Ulimit
from corral.oci.runtime import Rlimit

__all__ = ["NAMES", "rlimits"]

_NAMES: Final = "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack"
NAMES: Final = frozenset(_NAMES.split())

_UNLIMITED: Final = (1 << 64) - 1


def rlimits(defaults: Iterable[Ulimit], given: Iterable[Ulimit]) -> tuple[Rlimit, ...]:
    """The given ones and, for what they do not name, the defaults."""
    by_name = {ulimit.name: ulimit for ulimit in (*defaults, *given)}
    return tuple(Rlimit(f"RLIMIT_{u.name.upper()}", _limit(u.soft), _limit(u.hard)) for u in by_name.values())


def _limit(value: int) -> int:
    return _UNLIMITED if value == -1 else value
