"""Resource limits and the out-of-memory score. What the engine may not raise is set as high as it may, and said."""

from __future__ import annotations

import resource
from typing import Final

from corral.oci.runtime import Rlimit
from corral.runtime.init import procfs
from corral.runtime.init.failure import SetupError, described
from corral.runtime.init.messages import Sync

__all__ = ["NUMBERS", "set_oom_score_adj", "set_rlimits"]

NUMBERS: Final[dict[str, int]] = {
    "RLIMIT_CPU": 0,
    "RLIMIT_FSIZE": 1,
    "RLIMIT_DATA": 2,
    "RLIMIT_STACK": 3,
    "RLIMIT_CORE": 4,
    "RLIMIT_RSS": 5,
    "RLIMIT_NPROC": 6,
    "RLIMIT_NOFILE": 7,
    "RLIMIT_MEMLOCK": 8,
    "RLIMIT_AS": 9,
    "RLIMIT_LOCKS": 10,
    "RLIMIT_SIGPENDING": 11,
    "RLIMIT_MSGQUEUE": 12,
    "RLIMIT_NICE": 13,
    "RLIMIT_RTPRIO": 14,
    "RLIMIT_RTTIME": 15,
}
"""As x86-64 and arm64 number them."""
_INFINITY: Final = (1 << 64) - 1


def set_rlimits(rlimits: tuple[Rlimit, ...], sync: Sync) -> None:
    for limit in rlimits:
        number = NUMBERS.get(limit.type)
        if number is None:
            raise SetupError(f"unknown rlimit: {limit.type}")
        try:
            resource.setrlimit(number, (_python(limit.soft), _python(limit.hard)))
        except (PermissionError, ValueError):
            _degrade(number, limit, sync)
        except OSError as error:
            raise described(f"error setting rlimit {limit.type}", error) from error


def _degrade(number: int, limit: Rlimit, sync: Sync) -> None:
    """Raising a hard limit needs CAP_SYS_RESOURCE, which engines in containers and small machines do not have."""
    _, hard = resource.getrlimit(number)
    ceiling = _INFINITY if hard == resource.RLIM_INFINITY else hard
    soft, new_hard = min(limit.soft, ceiling), min(limit.hard, ceiling)
    try:
        resource.setrlimit(number, (_python(soft), _python(new_hard)))
    except (OSError, ValueError) as error:
        raise SetupError(f"error setting rlimit {limit.type}: {error}") from error
    sync.warning(f"{limit.type}: the hard limit cannot be raised to {limit.hard} here; set to {new_hard}")


def _python(value: int) -> int:
    return resource.RLIM_INFINITY if value >= _INFINITY else value


def set_oom_score_adj(value: int, sync: Sync) -> None:
    """-1000 to 1000. Through the host's procfs: before the root changes."""
    try:
        procfs.write("self/oom_score_adj", str(value))
    except PermissionError:
        sync.warning(f"oom_score_adj cannot be lowered to {value} here")
    except OSError as error:
        raise described(f"error setting oom_score_adj to {value}", error) from error
