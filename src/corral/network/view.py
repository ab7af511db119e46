"""Networks as the API shows them: pure functions."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from corral.api.types.network import IPAM, IPAMConfig, NetworkContainer, NetworkInspect
from corral.api.types.wire import UNSET
from corral.network.network import Network
from corral.network.sandbox import Sandbox

__all__ = ["inspect"]


def inspect(network: Network, sandboxes: Iterable[Sandbox] = ()) -> NetworkInspect:
    """The object of inspect; of a list without ``sandboxes``."""
    config = [
        IPAMConfig(
            subnet=part.subnet,
            ip_range=part.ip_range or UNSET,
            gateway=part.gateway or UNSET,
            auxiliary_addresses=part.auxiliary or UNSET,
        )
        for part in network.ipam
    ]
    return NetworkInspect(
        name=network.name,
        id=network.id,
        created=_rfc3339(network.created),
        scope=network.scope,
        driver=network.driver,
        ipam=IPAM(driver=network.ipam_driver, options=network.ipam_options or None, config=config or None),
        internal=network.internal,
        attachable=network.attachable,
        ingress=network.ingress,
        containers=dict(container for sandbox in sandboxes for container in _containers(network, sandbox)),
        options=network.options,
        labels=network.labels,
    )


def _containers(network: Network, sandbox: Sandbox) -> list[tuple[str, NetworkContainer]]:
    return [
        (
            sandbox.container_id,
            NetworkContainer(
                name=sandbox.container_name,
                endpoint_id=endpoint.endpoint_id,
                mac_address=endpoint.mac,
                ipv4_address=f"{endpoint.ip}/{endpoint.prefix_len}" if endpoint.ip else "",
                ipv6_address=f"{endpoint.ipv6}/{endpoint.ipv6_prefix_len}" if endpoint.ipv6 else "",
            ),
        )
        for endpoint in sandbox.endpoints
        if endpoint.network_id == network.id
    ]


def _rfc3339(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
