"""A network namespace while it is being set up: its pin, a descriptor of it, and a netlink socket inside it."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from corral.errors import Internal
from corral.linux import mount
from corral.linux.netlink import address, link, route
from corral.linux.netlink.connection import NETLINK_ROUTE, Connection
from corral.oci.idmaps import Owner

__all__ = ["MakeSandbox", "Namespace", "unpin"]

MakeSandbox = Callable[..., Awaitable[tuple[int, int]]]
"""Pins a new namespace at the path; gives descriptors of it and of a NETLINK_ROUTE socket opened inside it. With an
``Owner`` as second argument that user namespace is made as well, and owns it."""

_LOOPBACK: Final = 1
"""The kernel makes it first in every namespace."""
_HAS_IPV6: Final = "/proc/net/if_inet6"
_EVERYWHERE: Final = ipaddress.IPv4Network("0.0.0.0/0")


@dataclass(frozen=True, slots=True)
class Namespace:
    """Close it when set up: the pin keeps the namespace."""

    path: Path
    fd: int
    connection: Connection

    @classmethod
    async def make(cls, make_sandbox: MakeSandbox, path: Path, owner: Owner | None = None) -> Namespace:
        """Raises what the runtime raises, OSError."""
        fd, socket = await (make_sandbox(path) if owner is None else make_sandbox(path, owner))
        try:
            return cls(path, fd, Connection(NETLINK_ROUTE, socket))
        except OSError:
            os.close(fd)
            raise

    def close(self) -> None:
        self.connection.close()
        os.close(self.fd)

    def configure(self, interface: str, own: ipaddress.IPv4Interface | None, gateway: str) -> None:
        """Brings loopback and ``interface`` up, with its address and, if there is a gateway, the default route.

        Raises OSError, Internal when the driver did not deliver the interface.
        """
        index = link.index_of(self.connection, interface)
        if index is None:
            raise Internal(f"no interface {interface} in {self.path}")
        requests = [link.change(_LOOPBACK, up=True)]
        if os.path.exists(_HAS_IPV6):  # a network without IPv6 gives no IPv6 address, not even a link-local one
            requests.append(link.change(index, link_local=False))
        requests.append(link.change(index, up=True))
        if own is not None:
            requests.append(address.add(index, own))
        if gateway:
            requests.append(route.add(_EVERYWHERE, gateway=ipaddress.IPv4Address(gateway), index=index))
        self.connection.apply(*requests)


def unpin(path: Path) -> None:
    """Removes a pin; the namespace ends with its last process. Idempotent. Raises OSError."""
    try:
        mount.umount2(str(path), mount.MNT_DETACH)
    except FileNotFoundError:
        return
    except OSError:  # EINVAL: only the empty file that was to become the mount point
        if os.path.ismount(path):
            raise
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
