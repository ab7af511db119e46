"""create: from a request to a record, a directory and a read-write layer; nothing runs yet."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from functools import partial

from corral.api.types.container import Config, ContainerCreateRequest, ContainerCreateResponse
from corral.api.types.host_config import HostConfig
from corral.api.types.wire import replace
from corral.engine.container import links, names, news, security_options, selinux, storage
from corral.engine.container.checks import check_request, config
from corral.engine.container.context import Engine
from corral.engine.container.defaults import command_line, complete_config, complete_host_config
from corral.engine.container.modes import joined
from corral.engine.container.record import ContainerID, ContainerRecord
from corral.engine.undo import Undo
from corral.engine.userns.assign import assign
from corral.engine.userns.mode import KeepID
from corral.engine.userns.mode import parse as parse_userns
from corral.errors import Invalid, NotFound
from corral.image.record import Image
from corral.oci.idmaps import IDMaps
from corral.oci.platform import parse_platform

__all__ = ["create"]


async def create(
    engine: Engine, name: str | None, request: ContainerCreateRequest, platform: str | None
) -> ContainerCreateResponse:
    """Raises Invalid, NotFound (image, joined containers), Conflict (name), in that order."""
    warnings = check_request(request, engine.settings, engine.host)
    image = engine.images.resolve(request.image, parse_platform(platform) if platform else None)
    given = names.check(name) if name else names.generate(engine.store.name_is_free)
    id = ContainerID(secrets.token_hex(32))
    record, donors = _record(engine, id, given, image, request)
    record = record.replace(mounts=storage.plan_mounts(record, engine.store.find))
    maps, range = assign(record.host_config, engine.settings.remap, tuple(donors.values()), engine.ids)
    record = _with_maps(record, maps)
    if engine.host.selinux:
        record = _with_labels(engine, record, donors)
    with contextlib.ExitStack() as promised, engine.store.claim(given, id):
        if range is not None:
            promised.callback(engine.ids.settle, range)
        async with Undo() as undo:
            directory = engine.data.container(id)
            os.mkdir(directory, 0o710)
            undo.push(shutil.rmtree, directory)
            await engine.images.create_rw_layer(id, image.id, request.host_config.storage_opt or None)
            undo.push(engine.images.remove_rw_layer, id)
            undo.push(partial(storage.detach, engine, record, anonymous=True))
            record = record.replace(mounts=await storage.attach(engine, record))
            await engine.store.add(record, durable=not record.host_config.auto_remove)
            undo.keep()
    news.emit(engine, record, "create")
    return ContainerCreateResponse(id=id, warnings=[*warnings, *config.warnings(record.config)])


def _record(
    engine: Engine, id: ContainerID, name: str, image: Image, request: ContainerCreateRequest
) -> tuple[ContainerRecord, dict[str, ContainerRecord]]:
    """And those whose namespaces it joins, by kind."""
    host_config = complete_host_config(request.host_config, engine.settings, engine.host)
    host_config, donors = _with_donors(engine, host_config)
    if host_config.links:
        host_config = replace(host_config, links=links.resolved(host_config.links, name, engine.store.find))
    config = complete_config(_portable(request), image.config.runtime)
    if not config.hostname:
        on_host = host_config.uts_mode == "host" or host_config.network_mode == "host"
        own = engine.host.hostname if on_host else id[:12]
        config = replace(config, hostname=donors["network"].config.hostname if "network" in donors else own)
    if host_config.port_bindings:
        published: dict[str, dict[str, str]] = {port: {} for port in host_config.port_bindings}
        config = replace(config, exposed_ports={**published, **(config.exposed_ports or {})})
    path, args = command_line(config)
    record = ContainerRecord(
        id=id,
        name=name,
        created=engine.clock(),
        image_id=image.id,
        image_ref=request.image,
        path=path,
        args=args,
        config=config,
        host_config=host_config,
        networking=request.networking_config,
        mounts=(),
        storage_driver=engine.storage_driver,
    )
    return record, donors


def _with_maps(record: ContainerRecord, maps: IDMaps | None) -> ContainerRecord:
    """Whose ids are kept is who runs in it."""
    if maps is None:
        return record
    wanted = parse_userns(record.host_config.userns_mode)
    if isinstance(wanted, KeepID) and not record.config.user:
        record = record.replace(config=replace(record.config, user=f"{wanted.uid}:{wanted.gid}"))
    return record.replace(id_maps=maps)


def _with_labels(engine: Engine, record: ContainerRecord, donors: dict[str, ContainerRecord]) -> ContainerRecord:
    asked = security_options.parse(record.host_config.security_opt or ()).labels
    found = selinux.labels(record.host_config, asked, donors, engine.store)
    return record.replace(process_label=found.process, mount_label=found.mount)


def _with_donors(engine: Engine, given: HostConfig) -> tuple[HostConfig, dict[str, ContainerRecord]]:
    """Whose namespaces are joined, by id from now on. One for the network may still be missing: it is looked for again
    at each start. Raises Invalid for the others.
    """
    donors: dict[str, ContainerRecord] = {}
    for kind, ref in joined(given).items():
        try:
            donors[kind] = engine.store.find(ref)
        except NotFound as error:
            if kind != "network":
                raise Invalid(error.message) from error
    return replace(given, **{f"{kind}_mode": f"container:{donor.id}" for kind, donor in donors.items()}), donors


def _portable(request: ContainerCreateRequest) -> Config:
    """The request without what belongs to the host."""
    return Config(**{name: getattr(request, name) for name in Config.__struct_fields__})
