"""``NetworkService``: sandboxes for containers, joined to networks. The room's only door.

::

    service = NetworkService(exec_root, database, NetworkConfig(), driver.sandbox, emit)
    await service.start()
    await service.restore(live=containers_that_run)
    sandbox = await service.allocate(SandboxRequest(container_id, ports=(PortRequest("tcp", 80),)))
    ...                                        # sandbox.netns goes into the runtime spec
    await service.release(container_id)

``allocate`` returns when everything is final: addresses, host ports, rules. When it fails, nothing of it is left.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Final

from corral.api.types.network import NetworkInspect, NetworksPruneReport
from corral.errors import Conflict, CorralError, Internal, Invalid, Unsupported
from corral.network import predefined, view
from corral.network.config import NetworkConfig
from corral.network.driver import Driver
from corral.network.drivers.bridge import BridgeDriver
from corral.network.drivers.null import NullDriver
from corral.network.endpoint import Endpoint
from corral.network.firewall.driver import Driver as FirewallDriver
from corral.network.firewall.nftables import NftablesFirewall
from corral.network.firewall.none import NoFirewall
from corral.network.ipam import pools
from corral.network.ipam.local import LocalIpam
from corral.network.namespace import MakeSandbox, Namespace, unpin
from corral.network.network import Network
from corral.network.portmap.allocator import Held, PortAllocator
from corral.network.portmap.proxy import Proxy
from corral.network.registry import NetworkRegistry
from corral.network.sandbox import Sandbox, SandboxRecords, SandboxRequest
from corral.oci.idmaps import Owner
from corral.store.database import Database
from corral.store.layout import ExecRoot

__all__ = ["Emit", "NetworkService"]

_PRUNE_FILTERS: Final = frozenset({"label", "label!", "until"})
_log: Final = logging.getLogger(__name__)

_MAC: Final = re.compile(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}")

Emit = Callable[[str, str, dict[str, str]], None]
"""Action, network id, attributes."""


class NetworkService:
    """Acts in the network namespace of its process. Everything runs on one event loop."""

    def __init__(
        self, exec_root: ExecRoot, database: Database, config: NetworkConfig, make_sandbox: MakeSandbox, emit: Emit
    ) -> None:
        self._exec_root = exec_root
        self._config = config
        self._make_sandbox = make_sandbox
        self._emit = emit
        self._registry = NetworkRegistry(database)
        self._records = SandboxRecords(exec_root.sandboxes)
        candidates = [(IPv4Network(pool.base), pool.size) for pool in config.default_address_pools]
        self._ipam = LocalIpam(candidates or pools.DEFAULT)
        self._ports = PortAllocator(config.ip, ipv6=config.userland_proxy)
        self._bridge = BridgeDriver(_firewall(config), forward=config.ip_forward)
        self._drivers: dict[str, Driver] = {
            driver.name: driver for driver in (self._bridge, NullDriver("null"), NullDriver("host"))
        }
        self._sandboxes: dict[str, Sandbox] = {}
        self._held: dict[str, tuple[Held, Proxy | None]] = {}

    # --- the daemon's life

    async def start(self) -> None:
        """Makes the predefined networks real and takes over what a former daemon left. Idempotent.

        Raises Invalid, Exhausted, OSError.
        """
        self._exec_root.netns.mkdir(mode=0o755, parents=True, exist_ok=True)
        await self._define()
        for network in self._registry:
            await self._drivers[network.driver].create_network(network)
        for container_id, sandbox in self._records.read().items():
            await self._take_over(container_id, sandbox)
        for driver in self._drivers.values():
            await driver.restore(
                [
                    (network, endpoint, sandbox.ports)
                    for sandbox in self._sandboxes.values()
                    for network, of, endpoint in self._endpoints(sandbox)
                    if of is driver
                ]
            )

    async def restore(self, live: Collection[str]) -> None:
        """The ids in ``live`` are the containers that run: all other sandboxes are removed."""
        for container_id in [known for known in self._sandboxes if known not in live]:
            await self.release(container_id)
        pins = {path for sandbox in self._sandboxes.values() for path in (sandbox.netns, sandbox.userns)}
        for path in self._exec_root.netns.iterdir():
            if path not in pins:
                unpin(path)

    async def close(self) -> None:
        """Forgets ports and sockets; networks, namespaces and rules go on working."""
        for held, proxy in self._held.values():
            if proxy is not None:
                proxy.close()
            held.close()
        self._held.clear()
        self._bridge.close()

    # --- sandboxes

    async def allocate(self, request: SandboxRequest) -> Sandbox:
        """Raises CorralError with Docker's wording, beginning with "failed to set up container networking: "."""
        try:
            return await self._allocate(request)
        except CorralError as error:
            message = f"failed to set up container networking: {error}"
            raise type(error)(message, code=error.code) from error
        except OSError as error:
            raise Internal(f"failed to set up container networking: {error.strerror or error}") from error

    async def release(self, container_id: str) -> None:
        """Idempotent; a step that fails does not keep the others from being taken."""
        sandbox = self._sandboxes.pop(container_id, None)
        if sandbox is None:
            return
        async with AsyncExitStack() as steps:  # the last one is taken first
            steps.callback(self._records.remove, container_id)
            steps.callback(self._let_go, container_id)
            if sandbox.netns is not None:
                steps.callback(unpin, sandbox.netns)
            if sandbox.userns is not None:
                steps.callback(unpin, sandbox.userns)
            for network, driver, endpoint in self._endpoints(sandbox):
                steps.callback(self._tell, "disconnect", network, sandbox)
                steps.push_async_callback(self._release_address, network, endpoint)
                steps.push_async_callback(driver.delete_endpoint, network, endpoint)
                steps.push_async_callback(driver.leave, network, endpoint)
                steps.push_async_callback(driver.unpublish, network, endpoint, sandbox.ports)

    def sandbox(self, container_id: str) -> Sandbox | None:
        """The live sandbox of a container."""
        return self._sandboxes.get(container_id)

    async def _allocate(self, request: SandboxRequest) -> Sandbox:
        if request.container_id in self._sandboxes:
            raise Conflict(f"container {request.container_id} has a sandbox already")
        network = self.resolve(request.mode)
        driver = self._drivers[network.driver]
        sandbox_id = secrets.token_hex(32)
        async with AsyncExitStack() as undo:
            endpoint = await self._endpoint(undo, network, driver, request)
            sandbox = Sandbox(
                request.container_id, sandbox_id, None, (endpoint,), container_name=request.container_name
            )
            if driver.needs_namespace:
                path = self._exec_root.sandbox(sandbox_id)
                held = await self._hold(undo, request, endpoint)
                undo.callback(unpin, path)
                owner = None
                if request.userns:
                    owner = Owner(Path(request.userns), None)
                elif request.maps is not None:
                    owner = Owner(self._exec_root.sandbox_owner(sandbox_id), request.maps)
                    undo.callback(unpin, owner.path)
                    sandbox = replace(sandbox, userns=owner.path)
                namespace = await Namespace.make(self._make_sandbox, path, owner)
                try:
                    undo.push_async_callback(driver.leave, network, endpoint)
                    await driver.join(network, endpoint, namespace)
                    namespace.configure(endpoint.interface, endpoint.address, endpoint.gateway)
                finally:
                    namespace.close()
                await self._publish(undo, driver, network, endpoint, held)
                sandbox = replace(sandbox, netns=path, ports=held.bindings)
                undo.callback(self._records.remove, request.container_id)
                self._records.write(sandbox)
            self._sandboxes[request.container_id] = sandbox
            undo.pop_all()
        self._tell("connect", network, sandbox)
        return sandbox

    async def _endpoint(
        self, undo: AsyncExitStack, network: Network, driver: Driver, request: SandboxRequest
    ) -> Endpoint:
        endpoint = Endpoint(
            network.id, network.name, secrets.token_hex(32), mac=_mac(request.mac), aliases=request.aliases
        )
        if network.ipam:
            part = network.ipam[0]
            wanted = _address(request.ip) if request.ip else None
            own = await self._ipam.request_address(part.pool, wanted)
            endpoint = replace(endpoint, ip=str(own), prefix_len=part.network.prefixlen, gateway=part.default_gateway)
            undo.push_async_callback(self._release_address, network, endpoint)
        endpoint = await driver.create_endpoint(network, endpoint)
        undo.push_async_callback(driver.delete_endpoint, network, endpoint)
        return endpoint

    async def _hold(self, undo: AsyncExitStack, request: SandboxRequest, endpoint: Endpoint) -> Held:
        try:
            held = self._ports.hold(request.ports, endpoint.ip)
        except CorralError as error:
            name = request.container_name or request.container_id[:12]
            what = f"driver failed programming external connectivity on endpoint {name} ({endpoint.endpoint_id})"
            raise type(error)(f"{what}: {error}", code=error.code) from error
        self._keep(request.container_id, held, endpoint)
        undo.callback(self._let_go, request.container_id)
        return held

    async def _publish(
        self, undo: AsyncExitStack, driver: Driver, network: Network, endpoint: Endpoint, held: Held
    ) -> None:
        if held.bindings:
            undo.push_async_callback(driver.unpublish, network, endpoint, held.bindings)
            await driver.publish(network, endpoint, held.bindings)

    def _keep(self, container_id: str, held: Held, endpoint: Endpoint) -> None:
        wanted = self._config.userland_proxy and held.sockets and endpoint.ip
        proxy = Proxy(endpoint.ip, held.sockets) if wanted else None
        self._held[container_id] = (held, proxy)

    def _let_go(self, container_id: str) -> None:
        held, proxy = self._held.pop(container_id, (None, None))
        if proxy is not None:
            proxy.close()
        if held is not None:
            held.close()

    async def _release_address(self, network: Network, endpoint: Endpoint) -> None:
        if network.ipam and endpoint.ip:
            await self._ipam.release_address(network.ipam[0].pool, IPv4Address(endpoint.ip))

    def _tell(self, action: str, network: Network, sandbox: Sandbox) -> None:
        attributes = {"container": sandbox.container_id, "name": network.name, "type": network.driver}
        self._emit(action, network.id, attributes)

    def _endpoints(self, sandbox: Sandbox) -> Iterator[tuple[Network, Driver, Endpoint]]:
        """Those whose network there still is: another configuration may have taken it away while the daemon was off."""
        for endpoint in sandbox.endpoints:
            try:
                network = self._registry.resolve(endpoint.network_id)
            except CorralError:
                _log.warning("container %s: network %s is gone", sandbox.container_id[:12], endpoint.network_name)
            else:
                yield network, self._drivers[network.driver], endpoint

    # --- networks

    def resolve(self, ref: str) -> Network:
        """By name, id or prefix of an id; "" and "default" are the default bridge. Raises NotFound, Conflict."""
        return self._registry.resolve("bridge" if ref in ("", "default") else ref)

    def networks(self) -> list[NetworkInspect]:
        return [view.inspect(network) for network in self._registry]

    def inspect_network(self, ref: str) -> NetworkInspect:
        """Raises NotFound, Conflict."""
        return view.inspect(self._registry.resolve(ref), self._sandboxes.values())

    def prune_networks(self, filters: Mapping[str, Sequence[str]]) -> NetworksPruneReport:
        """Networks that no container uses; those that there are here are predefined, which stay. Raises Invalid."""
        for name in filters:
            if name not in _PRUNE_FILTERS:
                raise Invalid(f"invalid filter '{name}'")
        self._emit("prune", "", {"reclaimed": "0"})
        return NetworksPruneReport()

    async def _define(self) -> None:
        """The records of the predefined networks, as the configuration wants them now."""
        for name, driver in (("none", "null"), ("host", "host")):
            if self._registry.by_name(name) is None:
                await self._registry.put(predefined.new(name, driver))
        existing = self._registry.by_name("bridge")
        if self._config.bridge == "none":
            if existing is not None:
                await self._registry.delete(existing.id)
            return
        host = predefined.HostNetworks(self._config.bridge)
        network = await predefined.default_bridge(existing, self._config, self._ipam, host)
        if network != existing:
            await self._registry.put(network)

    async def _take_over(self, container_id: str, sandbox: Sandbox) -> None:
        """Counts a recorded sandbox as live until `restore` says otherwise."""
        self._sandboxes[container_id] = sandbox
        for network, _, endpoint in self._endpoints(sandbox):
            if network.ipam and endpoint.ip:
                try:
                    await self._ipam.request_address(network.ipam[0].pool, IPv4Address(endpoint.ip))
                except CorralError as error:  # the subnet was changed: it works again after a restart
                    _log.warning("container %s keeps its address %s: %s", container_id[:12], endpoint.ip, error)
        held, lost = self._ports.hold_again(sandbox.ports)
        for line in lost:
            _log.warning("container %s: %s", container_id[:12], line)
        if sandbox.endpoints:
            self._keep(container_id, held, sandbox.endpoints[0])


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError:
        raise Invalid(f"invalid IPv4 address: {text}") from None


def _mac(text: str) -> str:
    if text and not _MAC.fullmatch(text):
        raise Invalid(f"invalid MAC address: {text}")
    return text.lower().replace("-", ":")


def _firewall(config: NetworkConfig) -> FirewallDriver:
    """Raises Unsupported."""
    if not config.iptables:
        return NoFirewall()
    try:
        return NftablesFirewall(config.firewall_table)
    except OSError as error:
        reason = f"the kernel does not let the engine manage nf_tables: {error.strerror}"
        raise Unsupported(f"{reason}; --iptables=false does without") from error
