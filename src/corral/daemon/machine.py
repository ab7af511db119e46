"""What the machine must offer: found out before anything is changed, and said in one line each."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from typing import Final

__all__ = ["Facts", "Verdict", "judge", "look"]

_OLDEST_KERNEL: Final = (5, 10)
"""clone3 into a cgroup, pidfd_open, close_range, openat2 and overlayfs as it is used here."""

_CAP_SYS_ADMIN: Final = 21
_CAP_NET_ADMIN: Final = 12
_NAMESPACES: Final = ("cgroup", "ipc", "mnt", "net", "pid", "uts")


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """``capabilities``: the effective set as bits; ``namespaces``: names in /proc/self/ns."""

    uid: int
    system: str
    kernel: str
    capabilities: int
    namespaces: frozenset[str]
    filesystems: frozenset[str]
    cgroups: bool
    seccomp: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """``fatal``: why the daemon cannot run here; ``warnings``: what will be missing."""

    fatal: tuple[str, ...]
    warnings: tuple[str, ...]


def look() -> Facts:
    status = _lines("/proc/self/status")
    effective = next((line.split()[1] for line in status if line.startswith("CapEff:")), "0")
    name = os.uname()
    return Facts(
        uid=os.geteuid(),
        system=name.sysname,
        kernel=name.release,
        capabilities=int(effective, 16),
        namespaces=frozenset(os.listdir("/proc/self/ns")) if os.path.isdir("/proc/self/ns") else frozenset(),
        filesystems=frozenset(line.split()[-1] for line in _lines("/proc/filesystems") if line.strip()),
        cgroups=any(" - cgroup" in line for line in _lines("/proc/self/mountinfo")),
        seccomp=any(line.startswith("Seccomp:") for line in status),
    )


def judge(facts: Facts) -> Verdict:
    fatal: list[str] = []
    warnings: list[str] = []
    if facts.system != "Linux":
        return Verdict((f"corrald runs on Linux, this is {facts.system}",), ())
    if facts.uid != 0:
        fatal.append("corrald needs to be started as root")
    elif not facts.capabilities >> _CAP_SYS_ADMIN & 1:
        fatal.append("corrald needs the capability CAP_SYS_ADMIN, which root does not have here")
    elif not facts.capabilities >> _CAP_NET_ADMIN & 1:
        warnings.append("CAP_NET_ADMIN is missing: only the networks host and none will work")
    version = re.match(r"(\d+)\.(\d+)", facts.kernel)
    if version and (int(version[1]), int(version[2])) < _OLDEST_KERNEL:
        fatal.append(f"corrald needs Linux {_OLDEST_KERNEL[0]}.{_OLDEST_KERNEL[1]} or newer, this is {facts.kernel}")
    missing = sorted(set(_NAMESPACES) - facts.namespaces)
    if missing:
        fatal.append(f"the kernel has no {', '.join(missing)} namespaces")
    if not facts.cgroups:
        fatal.append("no cgroup file system is mounted (see cgroups(7))")
    if not facts.seccomp:
        warnings.append("the kernel has no seccomp: containers run without a system call filter")
    if "overlay" not in facts.filesystems:
        warnings.append("the kernel has not loaded overlayfs: overlay2 may not be available, vfs is")
    return Verdict(tuple(fatal), tuple(warnings))


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
