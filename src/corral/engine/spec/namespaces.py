"""Which namespaces are made, joined or shared with the host; host name."""

from __future__ import annotations

import dataclasses

from corral.engine.spec.input import SpecInput
from corral.errors import Invalid
from corral.oci.runtime import Namespace, Spec

__all__ = ["with_hostname", "with_namespaces"]


def with_namespaces(given: SpecInput, spec: Spec) -> Spec:
    """A namespace of each type: joined by its path, shared with the host (absent), or new."""
    host_config = given.record.host_config
    shared = {
        "network": host_config.network_mode == "host",
        "pid": host_config.pid_mode == "host",
        "ipc": host_config.ipc_mode == "host",
        "uts": host_config.uts_mode == "host",
        "cgroup": host_config.cgroupns_mode == "host",
        "mount": False,
    }
    namespaces = tuple(Namespace(kind, given.namespaces.get(kind, "")) for kind, host in shared.items() if not host)
    maps = given.record.id_maps
    if maps is None:
        return dataclasses.replace(spec, linux=dataclasses.replace(spec.linux, namespaces=namespaces))
    user = Namespace("user", given.namespaces.get("user", ""))
    linux = dataclasses.replace(
        spec.linux, namespaces=(*namespaces, user), uid_mappings=maps.uids, gid_mappings=maps.gids
    )
    return dataclasses.replace(spec, linux=linux)


def with_hostname(given: SpecInput, spec: Spec) -> Spec:
    """Raises Invalid for a domain name that would be the host's."""
    config = given.record.config
    if given.record.host_config.uts_mode == "host":
        if config.domainname:
            raise Invalid('sysctl "kernel.domainname" is not in a separate kernel namespace')
        return spec
    return dataclasses.replace(spec, hostname=config.hostname, domainname=config.domainname)
