"""Kernel parameters: only of namespaces that are the container's own."""

from __future__ import annotations

import dataclasses
from typing import Final

from corral.engine.container.modes import container_of
from corral.engine.spec.input import SpecInput
from corral.errors import Invalid
from corral.oci.idmaps import IDMaps
from corral.oci.runtime import Spec

__all__ = ["with_sysctls"]

_IPC: Final = frozenset(
    f"kernel.{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni")
) | {"kernel.shm_rmid_forced"}
_UTS: Final = frozenset({"kernel.domainname"})

_PING: Final = "net.ipv4.ping_group_range"
_NETWORK_DEFAULTS: Final = {
    "net.ipv4.ip_unprivileged_port_start": "0",
    _PING: "0 2147483647",
}
"""Root inside may be anybody outside: low ports and pings need no capability in a private network."""


def with_sysctls(given: SpecInput, spec: Spec) -> Spec:
    host_config = given.record.host_config
    own = {namespace.type for namespace in spec.linux.namespaces}
    wanted = host_config.sysctls or {}
    for name in wanted:
        if reason := _refusal(name, own):
            raise Invalid(f'sysctl "{name}" {reason}')
    private = "network" in own and container_of(host_config.network_mode) is None
    sysctl = {**(_network_defaults(given.record.id_maps) if private else {}), **wanted}
    return dataclasses.replace(spec, linux=dataclasses.replace(spec.linux, sysctl=sysctl))


def _network_defaults(maps: IDMaps | None) -> dict[str, str]:
    """Of groups there are only those that are mapped."""
    if maps is None:
        return _NETWORK_DEFAULTS
    groups = next(one.size for one in maps.gids if one.container_id == 0)
    return {**_NETWORK_DEFAULTS, _PING: f"0 {groups - 1}"}


def _refusal(name: str, own: set[str]) -> str | None:
    if name.startswith("net."):
        return None if "network" in own else "not allowed in host network namespace"
    if name in _IPC or name.startswith("fs.mqueue."):
        return None if "ipc" in own else "is not in a separate kernel namespace"
    if name in _UTS:
        return None if "uts" in own else "is not in a separate kernel namespace"
    return "is not in a separate kernel namespace"
