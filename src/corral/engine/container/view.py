"""How a record looks on the wire: inspect's object and one line of the list."""

from __future__ import annotations

from collections.abc import Iterable

from corral.api.types.common import GraphDriverData
from corral.api.types.container import (
    ContainerInspect,
    ContainerState,
    ContainerSummary,
    Port,
    SummaryHostConfig,
    SummaryNetworkSettings,
)
from corral.api.types.endpoint import NetworkSettings
from corral.api.types.wire import UNSET
from corral.engine.container import namespaces
from corral.engine.container.checks.network import parse_port
from corral.engine.container.modes import container_of
from corral.engine.container.network import resting_settings
from corral.engine.container.phrases import status_phrase
from corral.engine.container.record import ContainerRecord, State, Status
from corral.image.when import render
from corral.store.layout import DataRoot
from corral.volume.mounts import mount_points

__all__ = ["inspect_view", "ports", "summary"]


def inspect_view(
    record: ContainerRecord,
    data: DataRoot,
    *,
    exec_ids: list[str],
    graph: dict[str, str],
    size: tuple[int, int] | None,
    apparmor: str = "",
) -> ContainerInspect:
    """``apparmor``: the profile that it is, or would be, under; ``size``: bytes of its own layer and of its whole root,
    None when nobody asked."""
    was_started = record.state.started_at > 0
    etc_owner = container_of(record.host_config.network_mode) or record.id
    has_log = was_started and record.host_config.log_config.type != "none"
    return ContainerInspect(
        id=record.id,
        created=render(record.created),
        path=record.path,
        args=list(record.args),
        state=_state(record.state),
        image=record.image_id,
        resolv_conf_path=str(data.container_etc(etc_owner, "resolv.conf")) if was_started else "",
        hostname_path=str(data.container_etc(etc_owner, "hostname")) if was_started else "",
        hosts_path=str(data.container_etc(etc_owner, "hosts")) if was_started else "",
        log_path=str(data.container_log(record.id)) if has_log else "",
        name=f"/{record.name}",
        restart_count=record.state.restart_count,
        driver=record.storage_driver,
        platform=record.platform,
        process_label=record.process_label,
        mount_label=record.mount_label,
        app_armor_profile=apparmor,
        exec_ids=exec_ids or None,
        host_config=record.host_config,
        graph_driver=GraphDriverData(data=graph or None, name=record.storage_driver),
        size_rw=UNSET if size is None else size[0],
        size_root_fs=UNSET if size is None else size[1],
        mounts=mount_points(record.mounts),
        config=record.config,
        network_settings=record.state.network or resting_settings(record),
    )


def _state(state: State) -> ContainerState:
    shown = namespaces.read(state.pid) if state.pid else {}
    return ContainerState(
        status=state.status.value,
        running=state.status.is_up,
        paused=state.status is Status.PAUSED,
        restarting=state.status is Status.RESTARTING,
        oom_killed=state.oom_killed,
        oom_limit=state.oom_limit or UNSET,
        dead=state.status is Status.DEAD,
        namespaces=shown or UNSET,
        host_namespaces=namespaces.of_host(shown) if shown else UNSET,
        pid=state.pid,
        exit_code=state.exit_code,
        error=state.error,
        started_at=render(state.started_at),
        finished_at=render(state.finished_at),
    )


def summary(record: ContainerRecord, now: int, image: str, size: tuple[int, int] | None) -> ContainerSummary:
    """``now`` in nanoseconds; ``image``: what to call its image today."""
    network = record.state.network or resting_settings(record)
    return ContainerSummary(
        id=record.id,
        names=[f"/{record.name}"],
        image=image,
        image_id=record.image_id,
        command=_command(record.path, record.args),
        created=record.created // 1_000_000_000,
        ports=ports(network),
        size_rw=size[0] if size and size[0] else UNSET,
        size_root_fs=size[1] if size and size[1] else UNSET,
        labels=dict(record.config.labels or {}),
        state=record.status.value,
        status=status_phrase(record, now),
        host_config=SummaryHostConfig(network_mode=record.host_config.network_mode),
        network_settings=SummaryNetworkSettings(networks=network.networks),
        mounts=mount_points(record.mounts),
    )


def _command(path: str, args: Iterable[str]) -> str:
    """One line; arguments with spaces in quotes, for people and not for shells."""
    return " ".join([path, *(f"'{argument}'" if " " in argument else argument for argument in args)])


def ports(network: NetworkSettings) -> list[Port]:
    result = []
    for port, bindings in (network.ports or {}).items():
        number, protocol = parse_port(port)
        if not bindings:
            result.append(Port(private_port=number, type=protocol))
        for binding in bindings or ():
            result.append(
                Port(ip=binding.host_ip, private_port=number, public_port=int(binding.host_port), type=protocol)
            )
    return sorted(result, key=lambda port: (port.private_port, str(port.ip or ""), port.type))
