"""Capabilities: their names, Docker's default set, --cap-add and --cap-drop, and giving them to a process.

In the engine, ``resolve`` makes names out of what a client asked for. In the child, init calls ``apply_bounding``
while it is still root with every capability, changes its user and groups with ``prctl.set_keepcaps(True)``, and calls
``apply`` last (credentials(7): changing from user 0 clears the effective set, keepcaps keeps the permitted one).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Final

from corral.errors import Invalid
from corral.linux import capability, prctl
from corral.linux.capability import CapabilitySets
from corral.oci.runtime import Capabilities

__all__ = [
    "ALL",
    "DEFAULT",
    "NUMBERS",
    "apply",
    "apply_bounding",
    "available",
    "mask_of",
    "names_of",
    "raise_effective",
    "resolve",
]

_ORDER: Final = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
NUMBERS: Final[dict[str, int]] = {f"CAP_{name}": number for number, name in enumerate(_ORDER.split())}
"""Every name of ``linux/capability.h`` -> its number."""

ALL: Final = "ALL"

DEFAULT: Final[tuple[str, ...]] = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
)


def mask_of(names: Iterable[str]) -> int:
    """Names -> bit mask. Names that no kernel header has are left out: other runtimes ignore them too."""
    mask = 0
    for name in names:
        number = NUMBERS.get(name)
        if number is not None:
            mask |= 1 << number
    return mask


def names_of(mask: int) -> tuple[str, ...]:
    """Bit mask -> names, by number."""
    return tuple(name for name, number in NUMBERS.items() if mask >> number & 1)


@functools.cache
def available() -> tuple[str, ...]:
    """The capabilities that this process could pass on: known to the kernel and in its permitted and bounding sets."""
    return names_of(capability.capget().permitted & capability.bounding_set())


def resolve(
    cap_add: Iterable[str],
    cap_drop: Iterable[str],
    *,
    privileged: bool = False,
    supported: tuple[str, ...] | None = None,
) -> tuple[str, ...]:
    """The names that a container gets, with Docker's rules.

    ``supported`` is what can be given at all (default ``available()``). Adding ALL gives everything but the dropped;
    dropping ALL gives only the added; else the defaults lose the dropped and gain the added. Names may lack "CAP_" and
    be in lower case. Raises Invalid with Docker's text for names that are unknown or cannot be given.
    """
    if supported is None:
        supported = available()
    if privileged:
        return supported
    added = _normalized("CapAdd", cap_add, supported)
    dropped = _normalized("CapDrop", cap_drop, supported)
    if ALL in added:
        return tuple(name for name in supported if name not in dropped)
    if ALL in dropped:
        return tuple(dict.fromkeys(added))
    kept = [name for name in DEFAULT if name not in dropped and name in supported]
    return tuple(dict.fromkeys([*kept, *added]))


def _normalized(field: str, names: Iterable[str], supported: tuple[str, ...]) -> list[str]:
    result = []
    for given in names:
        name = given.upper()
        if name != ALL and not name.startswith("CAP_"):
            name = f"CAP_{name}"
        if name != ALL and name not in NUMBERS:
            raise Invalid(f'invalid {field}: unknown capability: "{name}"')
        if name != ALL and name not in supported:
            raise Invalid(
                f"invalid {field}: capability not supported by your kernel or not available "
                f'in the current environment: "{name}"'
            )
        result.append(name)
    return result


def apply_bounding(capabilities: Capabilities) -> None:
    """Drop from the bounding set what ``capabilities.bounding`` does not name. Needs CAP_SETPCAP. Raises OSError."""
    superfluous = inherited_bounding_set() & ~mask_of(capabilities.bounding)
    for number in range(superfluous.bit_length()):
        if superfluous >> number & 1:
            prctl.capbset_drop(number)


@functools.cache
def inherited_bounding_set() -> int:
    """What this process was born with. A parent that asks first saves each child a question per capability."""
    return capability.bounding_set()


def raise_effective() -> None:
    """Make every permitted capability effective: changing from user 0 had cleared them. Raises OSError."""
    mine = capability.capget()
    if mine.effective != mine.permitted:
        capability.capset(CapabilitySets(mine.permitted, mine.permitted, mine.inheritable))


def apply(capabilities: Capabilities) -> None:
    """Give the calling thread its permitted, effective, inheritable and ambient sets. Raises OSError.

    What the process does not have itself is left out: a container in an engine that lacks a capability lacks it too.
    The kernel wants ambient within permitted and inheritable, so those that are in neither are left out as well.
    """
    mine = capability.capget().permitted
    permitted = mask_of(capabilities.permitted) & mine
    inheritable = mask_of(capabilities.inheritable) & mine
    effective = mask_of(capabilities.effective) & permitted
    capability.capset(CapabilitySets(effective=effective, permitted=permitted, inheritable=inheritable))
    prctl.cap_ambient_clear_all()
    ambient = mask_of(capabilities.ambient) & permitted & inheritable
    for number in range(capability.last_cap() + 1):
        if ambient >> number & 1:
            prctl.cap_ambient_raise(number)
