"""From a container's record to what a worker is to see of it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from corral.engine.container import storage
from corral.engine.container.assemble import runtime_of
from corral.engine.container.context import Engine
from corral.engine.container.lookup import locked
from corral.engine.container.record import ContainerRecord
from corral.engine.files.description import Extra, View
from corral.errors import Conflict, Internal
from corral.oci.rootfs import RootfsMount
from corral.oci.runtime import Mount
from corral.volume.mounts import COPY_UP

__all__ = ["root_of", "view_of"]

_ETC = ("hostname", "hosts", "resolv.conf")


@asynccontextmanager
async def view_of(engine: Engine, ref: str) -> AsyncIterator[tuple[ContainerRecord, View]]:
    """The container as it is now: from inside while it runs; otherwise made for the time of the context, in which it
    cannot start. Raises NotFound, Conflict, Internal.
    """
    async with AsyncExitStack() as stack:
        async with locked(engine, ref) as record:
            if not record.status.has_process:
                async with _outside(engine, record) as view:
                    yield record, view
                return
            view = _inside(engine, record, stack, alone=False)
        yield record, view


@asynccontextmanager
async def root_of(engine: Engine, ref: str) -> AsyncIterator[tuple[ContainerRecord, View]]:
    """Its root file system to be read, without what is mounted in it. It may start and end meanwhile.

    Raises NotFound, Conflict, Internal.
    """
    async with AsyncExitStack() as stack:
        async with locked(engine, ref) as record:
            if record.status.has_process:
                view = _inside(engine, record, stack, alone=True)
            else:
                rootfs = tuple(_read_only(mount).to_json() for mount in engine.images.rootfs(record.id))
                stack.callback(engine.images.rest, record.id)
                uids, gids = _given_away(engine, record)
                view = View(at=str(engine.exec.tmp), rootfs=rootfs, alone=True, uid_map=uids, gid_map=gids)
        yield record, view


def _read_only(mount: RootfsMount) -> RootfsMount:
    """The layer of the container is one more lower layer: an overlay on it may be mounted meanwhile."""
    if mount.type != "overlay":
        return dataclasses.replace(mount, options=(*mount.options, "ro"))
    values = dict(option.partition("=")[::2] for option in mount.options)
    layers = f"lowerdir={values.pop('upperdir')}:{values.pop('lowerdir')}"
    del values["workdir"]
    flags = (f"{name}={value}" if value else name for name, value in values.items())
    return dataclasses.replace(mount, options=(layers, *flags, "ro"))


def _inside(engine: Engine, record: ContainerRecord, stack: AsyncExitStack, *, alone: bool) -> View:
    pid = record.state.pid
    namespace = _open(f"/proc/{pid}/ns/mnt", os.O_RDONLY, stack)
    if os.path.samestat(os.fstat(namespace), os.stat("/proc/self/ns/mnt")):
        raise Internal(f"container {record.id}: process {pid} is not in a mount namespace of its own")
    foreign = runtime_of(engine, record) is not None  # its root may be another than that of its namespace
    root = _open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY, stack) if foreign else -1
    user = _open(f"/proc/{pid}/ns/user", os.O_RDONLY, stack) if record.id_maps is not None else -1
    return View(at=str(engine.exec.tmp), namespace=namespace, root=root, user_namespace=user, alone=alone)


def _open(path: str, flags: int, stack: AsyncExitStack) -> int:
    try:
        fd = os.open(path, flags | os.O_CLOEXEC)
    except OSError as error:
        raise Conflict(
            f"container is not running any more: {error.filename}: {(error.strerror or '').lower()}"
        ) from None
    stack.callback(os.close, fd)
    return fd


@asynccontextmanager
async def _outside(engine: Engine, record: ContainerRecord) -> AsyncIterator[View]:
    rootfs = tuple(mount.to_json() for mount in engine.images.rootfs(record.id))
    uids, gids = _given_away(engine, record)
    mounts = await storage.mount(engine, record)
    try:
        extras = (*(_extra(mount) for mount in mounts if mount.type == "bind"), *_etc(engine, record))
        yield View(at=str(engine.exec.tmp), rootfs=rootfs, extras=extras, uid_map=uids, gid_map=gids)
    finally:
        engine.images.rest(record.id)
        await storage.unmount(engine, record)


def _given_away(engine: Engine, record: ContainerRecord) -> tuple[str, str]:
    """Maps of the user namespace whose ids the files have on the disk; empty when those inside are there."""
    maps = record.id_maps
    if maps is None or not engine.data.container_ids(record.id).exists():
        return "", ""
    return maps.uid_text, maps.gid_text


def _extra(mount: Mount) -> Extra:
    return Extra(
        source=mount.source,
        destination=mount.destination,
        read_only="ro" in mount.options,
        recursive="rbind" in mount.options,
        filled=COPY_UP in mount.options,
    )


def _etc(engine: Engine, record: ContainerRecord) -> tuple[Extra, ...]:
    paths = ((f"/etc/{name}", engine.data.container_etc(record.id, name)) for name in _ETC)
    return tuple(Extra(str(path), destination) for destination, path in paths if path.exists())
