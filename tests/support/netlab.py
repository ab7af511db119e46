"""A host for network tests: a namespace of the test's own, neighbours around it, and sockets in any of them.

The test's thread is inside the host's namespace while the lab is open, so that services made there act there. A
socket belongs to the namespace in which it was made and can be used from everywhere.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from corral.linux import mount, namespace
from corral.linux.netlink import address, link, route
from corral.linux.netlink.connection import NETLINK_ROUTE, Connection
from corral.linux.netlink.link import VethEnd

T = TypeVar("T")

HOST = "192.0.2.1"
NEIGHBOUR = "192.0.2.2"


class Lab:
    """``host`` and ``neighbour``: descriptors of namespaces, connected as 192.0.2.1 and 192.0.2.2 on ``up0``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.host = self._new_namespace()
        self.neighbour = self._new_namespace()
        namespace.setns(self.host, namespace.CLONE_NEWNET)
        with Connection(NETLINK_ROUTE) as connection:
            connection.apply(
                link.change(1, up=True),
                # The kernel takes up to a second to notice the carrier of a pair whose ends have the same index.
                link.add_bridge("spare"),
                link.add_veth(VethEnd("up0"), VethEnd("eth0", netns_fd=self.neighbour)),
            )
            self._configure(connection, "up0", HOST)
        self.inside(self.neighbour, self._neighbour)

    def close(self) -> None:
        namespace.setns(self._home, namespace.CLONE_NEWNET)
        for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
            if (target := line.split()[4]).startswith(f"{self.directory}/"):
                mount.umount2(target, mount.MNT_DETACH)
        for fd in (self._home, self.host, self.neighbour):
            os.close(fd)

    def inside(self, where: int | Path, work: Callable[[], T]) -> T:
        """Runs ``work`` in another namespace, in a thread of its own."""
        results: list[T] = []
        errors: list[BaseException] = []

        def run() -> None:
            fd = os.open(where, os.O_RDONLY) if isinstance(where, Path) else os.dup(where)
            try:
                namespace.setns(fd, namespace.CLONE_NEWNET)
                results.append(work())
            except BaseException as error:
                errors.append(error)
            finally:
                os.close(fd)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    async def make_sandbox(self, path: Path) -> tuple[int, int]:
        """What the runtime does for the network room, without a process of its own."""
        namespace.unshare(namespace.CLONE_NEWNET)
        try:
            fd = os.open("/proc/self/ns/net", os.O_RDONLY)
            rtnl = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
            path.touch(exist_ok=False)
            mount.mount("/proc/self/ns/net", str(path), None, mount.MS_BIND, None)
        finally:
            namespace.setns(self.host, namespace.CLONE_NEWNET)
        return fd, rtnl.detach()

    def unpin(self, path: Path) -> None:
        mount.umount2(str(path), mount.MNT_DETACH)
        path.unlink()

    # --- sockets

    def server(self, where: int | Path, port: int, host: str = "0.0.0.0", kind: int = socket.SOCK_STREAM) -> Server:
        """Answers every connection, or datagram, with the address of its peer."""
        return Server(self.inside(where, lambda: _bound(host, port, kind)))

    def ask(self, where: int | Path, host: str, port: int, timeout: float = 2) -> str:
        """The address that the server at the other end saw. Raises OSError."""
        client = self.inside(where, lambda: _connected(host, port, timeout))
        with client:
            return client.recv(100).decode()

    def ask_udp(self, where: int | Path, host: str, port: int, timeout: float = 2) -> str:
        client = self.inside(where, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with client:
            client.settimeout(timeout)
            client.sendto(b"?", (host, port))
            return client.recv(100).decode()

    def reaches(self, where: int | Path, host: str, port: int, timeout: float = 2.5) -> bool:
        try:
            self.ask(where, host, port, timeout)
        except OSError:
            return False
        return True

    # --- what there is

    def interfaces(self, where: int | Path | None = None) -> dict[str, link.Link]:
        def look() -> dict[str, link.Link]:
            with Connection(NETLINK_ROUTE) as connection:
                return {entry.name: entry for entry in link.every(connection)}

        return look() if where is None else self.inside(where, look)

    def addresses(self, where: int | Path, name: str) -> list[str]:
        def look() -> list[str]:
            with Connection(NETLINK_ROUTE) as connection:
                found = link.by_name(connection, name)
                assert found is not None
                return [str(a.interface) for a in address.every(connection) if a.index == found.index]

        return self.inside(where, look)

    # --- details

    def _new_namespace(self) -> int:
        namespace.unshare(namespace.CLONE_NEWNET)
        return os.open("/proc/self/ns/net", os.O_RDONLY)

    def _neighbour(self) -> None:
        with Connection(NETLINK_ROUTE) as connection:
            connection.apply(link.change(1, up=True))
            self._configure(connection, "eth0", NEIGHBOUR)

    def _configure(self, connection: Connection, name: str, own: str) -> None:
        found = link.by_name(connection, name)
        assert found is not None
        interface = ipaddress.ip_interface(f"{own}/24")
        connection.apply(address.add(found.index, interface), link.change(found.index, up=True))


class Server:
    """Serves in a thread until it is closed."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound
        self._socket.settimeout(0.05)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._ending.is_set():
            with contextlib.suppress(OSError):
                if self._socket.type == socket.SOCK_DGRAM:
                    _, peer = self._socket.recvfrom(100)
                    self._socket.sendto(peer[0].encode(), peer)
                else:
                    connection, peer = self._socket.accept()
                    with connection:
                        connection.sendall(peer[0].encode())


def _bound(host: str, port: int, kind: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    if kind == socket.SOCK_STREAM:
        bound.listen()
    return bound


def _connected(host: str, port: int, timeout: float) -> socket.socket:
    client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    client.settimeout(timeout)
    try:
        client.connect((host, port))
    except BaseException:
        client.close()
        raise
    return client


def add_default_route(gateway: str) -> None:
    """In the calling thread's namespace."""
    with Connection(NETLINK_ROUTE) as connection:
        connection.apply(route.add(ipaddress.ip_network("0.0.0.0/0"), gateway=ipaddress.ip_address(gateway)))


def eventually(condition: Callable[[], bool], seconds: float = 5) -> bool:
    """Polls with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def opened(directory: Path) -> Iterator[Lab]:
    lab = Lab(directory)
    try:
        yield lab
    finally:
        lab.close()
