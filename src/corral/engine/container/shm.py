"""/dev/shm that can be shared: a tmpfs on the host for containers whose IPC namespace others may join.

A private one is mounted by init inside the container and needs none of this.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection

from corral.engine.container.context import Engine
from corral.engine.container.joins import Joins
from corral.engine.container.record import ContainerRecord
from corral.linux import mount as linux

__all__ = ["discard", "prepare", "restore"]


def prepare(engine: Engine, record: ContainerRecord, joins: Joins) -> str:
    """The host path of the shared /dev/shm, "" when there is none. Raises OSError."""
    host_config = record.host_config
    if joins.ipc is not None:
        return "/dev/shm" if joins.ipc.host_config.ipc_mode == "host" else str(engine.exec.shm(joins.ipc.id))
    if host_config.ipc_mode != "shareable":
        return ""
    path = engine.exec.shm(record.id)
    discard(engine, record)
    path.mkdir(mode=0o700, parents=True)
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    options = f"mode=1777,size={host_config.shm_size}"
    if record.id_maps is not None:
        uid, gid = record.id_maps.root
        options += f",uid={uid},gid={gid}"
    linux.mount("shm", str(path), "tmpfs", flags, options)
    return str(path)


def discard(engine: Engine, record: ContainerRecord) -> None:
    """Idempotent."""
    if record.host_config.ipc_mode == "shareable":
        _remove(str(engine.exec.shm(record.id)))


def restore(engine: Engine, running: Collection[str]) -> None:
    """After a daemon's start: removes what containers that do not run have left."""
    if engine.exec.shared_memory.is_dir():
        for path in engine.exec.shared_memory.iterdir():
            if path.name not in running:
                _remove(str(path))


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        linux.umount2(path, linux.MNT_DETACH)
    with contextlib.suppress(OSError):
        os.rmdir(path)
