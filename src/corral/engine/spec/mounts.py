"""Mounts: the system's own file systems, the files in /etc, the user's binds, volumes and tmpfs, and the root."""

from __future__ import annotations

import dataclasses
from typing import Final

from corral.engine.spec.input import SpecInput
from corral.oci.runtime import Mount, Root, Spec

__all__ = ["with_files_in_etc", "with_root", "with_system_mounts", "with_user_mounts"]

_STRICT: Final = ("nosuid", "noexec", "nodev")


def with_system_mounts(given: SpecInput, spec: Spec) -> Spec:
    """What every Linux program expects; a user's mount at the same place replaces it."""
    host_config = given.record.host_config
    privileged = host_config.privileged
    sys_access = "rw" if privileged else "ro"
    cgroup_access = "rw" if privileged or given.security.writable_cgroups else "ro"
    mounts = [
        Mount("/proc", "proc", "proc", _STRICT),
        Mount("/dev", "tmpfs", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k")),
        Mount(
            "/dev/pts", "devpts", "devpts", ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")
        ),
        Mount("/sys", "sysfs", "sysfs", (*_STRICT, sys_access)),
        Mount("/sys/fs/cgroup", "cgroup", "cgroup", (*_STRICT, cgroup_access)),
        Mount("/dev/mqueue", "mqueue", "mqueue", _STRICT),
    ]
    if shm := _shm(given):
        mounts.append(shm)
    taken = {mount.destination for mount in given.mounts}
    if "/dev" in taken:  # the user's /dev is theirs entirely
        mounts = [mount for mount in mounts if not mount.destination.startswith("/dev")]
    kept = tuple(mount for mount in mounts if mount.destination not in taken)
    return dataclasses.replace(spec, mounts=spec.mounts + kept)


def _shm(given: SpecInput) -> Mount | None:
    """``/dev/shm`` belongs to the IPC namespace: its own, the host's, the donor's, or none at all."""
    host_config = given.record.host_config
    match host_config.ipc_mode:
        case "none":
            return None
        case "host":
            return Mount("/dev/shm", "bind", "/dev/shm", ("rbind", "rprivate", "rw", *_STRICT))
    if given.shm:
        return Mount("/dev/shm", "bind", given.shm, ("rbind", "rprivate", "rw", *_STRICT))
    return Mount("/dev/shm", "tmpfs", "shm", (*_STRICT, "mode=1777", f"size={host_config.shm_size}"))


def with_files_in_etc(given: SpecInput, spec: Spec) -> Spec:
    """hostname, hosts and resolv.conf, unless the user mounts something there; on top of a volume at /etc."""
    access = "ro" if given.record.host_config.readonly_rootfs else "rw"
    taken = {mount.destination for mount in given.mounts}
    mounts = tuple(
        Mount(f"/etc/{name}", "bind", source, ("rbind", "rprivate", access, "x-corral.create=file"))
        for name, source in given.etc.items()
        if f"/etc/{name}" not in taken
    )
    return dataclasses.replace(spec, mounts=spec.mounts + mounts)


def with_user_mounts(given: SpecInput, spec: Spec) -> Spec:
    """Parents before what is mounted below them."""
    ordered = sorted(given.mounts, key=lambda mount: mount.destination.rstrip("/").count("/"))
    return dataclasses.replace(spec, mounts=spec.mounts + tuple(ordered))


def with_root(given: SpecInput, spec: Spec) -> Spec:
    return dataclasses.replace(spec, root=Root("rootfs", readonly=given.record.host_config.readonly_rootfs))
