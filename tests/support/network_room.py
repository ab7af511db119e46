"""What the tests of the network room share: a host on which services come and go, and short ways to ask for things."""

from __future__ import annotations

from pathlib import Path

from corral.network.config import NetworkConfig
from corral.network.controller import NetworkService
from corral.network.portmap.ports import PortRequest
from corral.network.sandbox import Sandbox, SandboxRequest
from corral.store.database import Database
from corral.store.layout import ExecRoot
from support import netlab


class Host:
    """A lab with a database and an exec root, on which services come and go."""

    def __init__(self, lab: netlab.Lab, directory: Path) -> None:
        self.lab = lab
        self.exec_root = ExecRoot(directory / "run")
        self.database = Database(directory / "corral.db")
        self.events: list[tuple[str, dict[str, str]]] = []
        self.services: list[NetworkService] = []

    async def service(self, config: NetworkConfig | None = None, *, live: tuple[str, ...] = ()) -> NetworkService:
        service = NetworkService(
            self.exec_root,
            self.database,
            config or NetworkConfig(),
            self.lab.make_sandbox,
            lambda action, network, attributes: self.events.append((action, attributes)),
        )
        await service.start()
        await service.restore(live)
        self.services.append(service)
        return service

    def pins(self) -> set[str]:
        return {path.name for path in self.exec_root.netns.iterdir()}

    def veths(self) -> set[str]:
        return {name for name in self.lab.interfaces() if name.startswith("veth")}


def container(number: int) -> str:
    return f"{number:064x}"


def request(number: int, *ports: PortRequest, ip: str = "", mode: str = "bridge") -> SandboxRequest:
    return SandboxRequest(container(number), mode, ports, ip=ip, container_name=f"c{number}")


def tcp(container_port: int, host_port: int | None = None, host_ip: str = "", proto: str = "tcp") -> PortRequest:
    wanted = None if host_port is None else (host_port, host_port)
    return PortRequest(proto, container_port, host_ip, wanted)


def netns(sandbox: Sandbox) -> Path:
    assert sandbox.netns is not None
    return sandbox.netns
