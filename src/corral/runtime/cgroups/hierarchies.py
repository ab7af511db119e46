"""Which controller lives in which mounted hierarchy of this host.

A controller belongs to at most one hierarchy at a time, version 1 or version 2 (cgroups(7)). Hosts are pure version 1,
pure version 2, or hybrid: version 1 hierarchies for some controllers and a version 2 mount for the rest, which at
least has the core files (cgroup.freeze, cgroup.kill, cgroup.procs). Everything is therefore asked per controller.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

__all__ = ["V2_CONTROLLERS", "Hierarchies", "Hierarchy"]

V2_CONTROLLERS: Final = frozenset({"cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"})
"""What version 2 has as controllers; devices and freezing are core features there, not controllers."""

_V1_TO_V2: Final = {"blkio": "io"}


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted hierarchy. ``controllers`` of a named version 1 hierarchy hold "name=..."."""

    mount_point: str
    version: int
    controllers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """The mounted hierarchies, version 1 in mount order. Controllers are named as version 1 does (blkio, not io)."""

    v1: tuple[Hierarchy, ...]
    v2: Hierarchy | None

    @classmethod
    def discover(cls, mountinfo: str, cgroups: str, v2_controllers: str | None = None) -> Hierarchies:
        """Out of the texts of /proc/self/mountinfo, /proc/cgroups and the version 2 root's cgroup.controllers.

        Without the third, version 2 is taken to have what /proc/cgroups shows as enabled and in no other hierarchy.
        When something is mounted twice the first mount counts.
        """
        known = _known(cgroups)
        v1: list[Hierarchy] = []
        v2_mount = None
        taken: set[str] = set()
        for mount_point, kind, options in _cgroup_mounts(mountinfo):
            if kind == "cgroup2":
                v2_mount = v2_mount or mount_point
                continue
            controllers = frozenset(o for o in options if o in known or o in _V1_ONLY or o.startswith("name="))
            if controllers and not controllers & taken:
                taken |= controllers
                v1.append(Hierarchy(mount_point, 1, controllers))
        if v2_mount is None:
            return cls(tuple(v1), None)
        if v2_controllers is not None:
            names = set(v2_controllers.split())
        else:
            names = {_V1_TO_V2.get(name, name) for name, hierarchy in known.items() if hierarchy == 0}
        here = frozenset(names & V2_CONTROLLERS)
        return cls(tuple(v1), Hierarchy(v2_mount, 2, here))

    @classmethod
    def of_host(cls) -> Hierarchies:
        """Those that the calling process sees. Raises OSError when procfs is not there."""
        mountinfo = _read("/proc/self/mountinfo")
        try:
            cgroups = _read("/proc/cgroups")
        except FileNotFoundError:
            cgroups = ""
        found = cls.discover(mountinfo, cgroups)
        if found.v2 is None:
            return found
        return cls.discover(mountinfo, cgroups, _read(f"{found.v2.mount_point}/cgroup.controllers"))

    def of(self, controller: str) -> Hierarchy | None:
        """Where a controller lives, by its version 1 name; None when this host does not offer it."""
        for hierarchy in self.v1:
            if controller in hierarchy.controllers:
                return hierarchy
        if self.v2 is not None and _V1_TO_V2.get(controller, controller) in self.v2.controllers:
            return self.v2
        return None

    def has_v1(self, controller: str) -> bool:
        return any(controller in hierarchy.controllers for hierarchy in self.v1)


_V1_ONLY: Final = frozenset(
    {"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "net_cls", "net_prio", "perf_event"}
    | {"hugetlb", "rdma", "misc"}
)
"""Controllers by their version 1 names: also recognized when /proc/cgroups, which newer kernels trim, lacks them."""


def _known(cgroups: str) -> dict[str, int]:
    """Text of /proc/cgroups -> enabled controller: number of its hierarchy (0: none of version 1)."""
    known = {}
    for line in cgroups.splitlines():
        fields = line.split()
        if len(fields) == 4 and not line.startswith("#") and fields[3] == "1":
            known[fields[0]] = int(fields[1])
    return known


def _cgroup_mounts(mountinfo: str) -> list[tuple[str, str, list[str]]]:
    """``(mount point, file system type, super options)`` of each mount of a cgroup file system."""
    mounts = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, tail = before.split(" "), after.split(" ")
        if len(fields) >= 5 and len(tail) >= 3 and tail[0] in ("cgroup", "cgroup2"):
            mounts.append((_unescaped(fields[4]), tail[0], tail[2].split(",")))
    return mounts


def _unescaped(path: str) -> str:
    """A blank, tab, newline or backslash is three octal digits behind a backslash: proc_pid_mountinfo(5)."""
    first, *others = path.split("\\")
    return first + "".join(chr(int(part[:3], 8)) + part[3:] for part in others)


def _read(path: str) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        chunks = []
        while chunk := os.read(fd, 1 << 16):
            chunks.append(chunk)
    finally:
        os.close(fd)
    return b"".join(chunks).decode(errors="surrogateescape")
