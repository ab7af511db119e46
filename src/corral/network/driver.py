"""Network drivers: what a kind of network must be able to do. This module is the manual.

Vocabulary
    A *network* is a group of endpoints that reach each other. An *endpoint* is one container's interface on a network.
    A *sandbox* is a container's network namespace; while it is being set up, `Namespace` gives access to it. The
    controller keeps records and addresses; the driver makes the kernel, or another machine, agree with them.

Lifecycle
    ::

        create_network ── create_endpoint ── join ── publish
                                                        │
        delete_network ── delete_endpoint ── leave ── unpublish

    ``create_network`` is called for a new network and again for each known one when the daemon starts; it finds what a
    former run left and completes it. ``join`` delivers an interface into the sandbox under the endpoint's name and
    hardware address; the controller then brings it up and gives it addresses and routes. The way back is the same for
    a normal end and for a failed start, and each step of it is idempotent and takes no longer than a few system calls.
    ``restore`` is told at a daemon's start which endpoints live, and removes all others.

Example
    ::

        endpoint = await driver.create_endpoint(network, endpoint)
        await driver.join(network, endpoint, namespace)
        namespace.configure(endpoint.interface, endpoint.address, endpoint.gateway)
        await driver.publish(network, endpoint, bindings)

Errors
    OSError from the kernel with what was attempted, Invalid for options that cannot be right, Conflict, Unavailable
    for a driver that does not answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from corral.network.endpoint import Endpoint
from corral.network.namespace import Namespace
from corral.network.network import Network
from corral.network.portmap.ports import PortBinding

__all__ = ["Driver", "LiveEndpoint"]

LiveEndpoint = tuple[Network, Endpoint, tuple[PortBinding, ...]]


class Driver(Protocol):
    """``needs_namespace``: whether a sandbox on such a network is a namespace that the controller prepares."""

    name: str
    scope: str
    needs_namespace: bool

    async def create_network(self, network: Network) -> None:
        """Make it, or complete what is there. Idempotent."""

    async def delete_network(self, network: Network) -> None:
        """Idempotent; no endpoint is left on it."""

    async def create_endpoint(self, network: Network, endpoint: Endpoint) -> Endpoint:
        """Decides what the caller left open: hardware address, names of interfaces, gateway."""

    async def delete_endpoint(self, network: Network, endpoint: Endpoint) -> None:
        """Idempotent."""

    async def join(self, network: Network, endpoint: Endpoint, namespace: Namespace) -> None:
        """Deliver the interface into the namespace, down. Leaves nothing behind when it fails."""

    async def leave(self, network: Network, endpoint: Endpoint) -> None:
        """Cut the endpoint off at once; the interface itself may disappear a little later. Idempotent."""

    async def publish(self, network: Network, endpoint: Endpoint, ports: Sequence[PortBinding]) -> None:
        """Let the outside reach the ports. All or nothing."""

    async def unpublish(self, network: Network, endpoint: Endpoint, ports: Sequence[PortBinding]) -> None:
        """Idempotent."""

    async def restore(self, live: Sequence[LiveEndpoint]) -> None:
        """These are all endpoints there should be. Keep their connections undisturbed."""
