"""``none`` and ``host``: networks on which there is nothing to do.

The runtime makes an empty namespace for the one and uses the host's for the other; no sandbox is prepared for either.
"""

from __future__ import annotations

from collections.abc import Sequence

from corral.network.driver import LiveEndpoint
from corral.network.endpoint import Endpoint
from corral.network.namespace import Namespace
from corral.network.network import Network
from corral.network.portmap.ports import PortBinding

__all__ = ["NullDriver"]


class NullDriver:
    scope = "local"
    needs_namespace = False

    def __init__(self, name: str) -> None:
        self.name = name

    async def create_network(self, network: Network) -> None:
        pass

    async def delete_network(self, network: Network) -> None:
        pass

    async def create_endpoint(self, network: Network, endpoint: Endpoint) -> Endpoint:
        return endpoint

    async def delete_endpoint(self, network: Network, endpoint: Endpoint) -> None:
        pass

    async def join(self, network: Network, endpoint: Endpoint, namespace: Namespace) -> None:
        pass

    async def leave(self, network: Network, endpoint: Endpoint) -> None:
        pass

    async def publish(self, network: Network, endpoint: Endpoint, ports: Sequence[PortBinding]) -> None:
        pass

    async def unpublish(self, network: Network, endpoint: Endpoint, ports: Sequence[PortBinding]) -> None:
        pass

    async def restore(self, live: Sequence[LiveEndpoint]) -> None:
        pass
