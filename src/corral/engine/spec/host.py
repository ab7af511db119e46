"""Facts about this host that validation and the spec depend on, read once at start."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from corral.runtime.cgroups.hierarchies import Hierarchies, Hierarchy

__all__ = ["HostFacts"]

_CONTROLLERS: Final = ("memory", "cpu", "cpuset", "pids", "blkio", "devices", "freezer", "hugetlb")


@dataclass(frozen=True, slots=True)
class HostFacts:
    """``memory`` in bytes; ``controllers`` by their version 1 names; ``swap_limit``: swap can be limited.

    ``apparmor``: the profile of containers that name none, "unconfined" when it could not be loaded; None when the
    kernel does not confine by AppArmor. ``selinux``: it does by SELinux, and the daemon is to use it.
    ``online_cpus`` and ``memory_nodes`` as the kernel lists them ("0-3,8"); ``unified``: cgroups are version 2 only.
    """

    hostname: str = "localhost"
    kernel: str = ""
    cpus: int = 1
    online_cpus: str = "0"
    memory_nodes: str = "0"
    memory: int = 0
    unified: bool = False
    controllers: frozenset[str] = frozenset(_CONTROLLERS)
    swap_limit: bool = True
    blkio_weight: bool = True
    ip_forward: bool = True
    apparmor: str | None = None
    selinux: bool = False

    @property
    def security_modules(self) -> tuple[str, ...]:
        return tuple(name for name, on in (("apparmor", self.apparmor is not None), ("selinux", self.selinux)) if on)

    @classmethod
    def discover(cls) -> HostFacts:
        hierarchies = Hierarchies.of_host()
        places = {name: place for name in _CONTROLLERS if (place := hierarchies.of(name))}
        memory, blkio = places.get("memory"), places.get("blkio")
        uname = os.uname()
        return cls(
            hostname=uname.nodename,
            kernel=uname.release,
            cpus=os.cpu_count() or 1,
            online_cpus=_text("/sys/devices/system/cpu/online") or "0",
            memory_nodes=_text("/sys/devices/system/node/online") or "0",
            memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            unified=not hierarchies.v1,
            controllers=frozenset(places),
            swap_limit=memory is not None
            and (memory.version == 2 or os.path.exists(f"{memory.mount_point}/memory.memsw.limit_in_bytes")),
            blkio_weight=blkio is not None and _has_weights(blkio),
            ip_forward=_text("/proc/sys/net/ipv4/ip_forward") != "0",
        )


def _has_weights(blkio: Hierarchy) -> bool:
    """The files of weights are in no root group: what they come with is (iocost), or the scheduler that has them."""
    if any(os.path.exists(f"{blkio.mount_point}/{name}") for name in ("blkio.weight", "io.cost.qos")):
        return True
    return any("bfq" in _text(f"/sys/block/{disk}/queue/scheduler") for disk in _listing("/sys/block"))


def _listing(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
