"""Network devices of the runtime's that are moved into a container (config-linux.md, "Network Devices"): with their
permanent global addresses, and up. Nobody moves them back: what happens at the namespace's end is the kernel's rule.

Imported by the few who have some, in the process that clones.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

from corral.errors import Invalid
from corral.linux import namespace
from corral.linux.netlink import address, link
from corral.linux.netlink.connection import NETLINK_ROUTE, Connection
from corral.oci.runtime import NetDevice

__all__ = ["move"]

_HERE: Final = "/proc/self/ns/net"
_TEMPLATE: Final = "%d"


def move(devices: Mapping[str, NetDevice], path: str) -> None:
    """``path``: of the network namespace. The caller, with one thread, visits it. Raises Invalid."""
    name = ""
    try:
        target = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with Connection(NETLINK_ROUTE) as here, Connection(NETLINK_ROUTE, _socket_in(target)) as there:
                for name, device in devices.items():
                    _move(here, there, target, name, device.name or name)
        finally:
            os.close(target)
    except OSError as error:
        raise Invalid(f"moving network device {name}: {error.strerror}") from error


def _move(here: Connection, there: Connection, target: int, name: str, wanted: str) -> None:
    found = link.by_name(here, name)
    if found is None:
        raise Invalid(f"moving network device {name}: no such network device")
    # The kernel looks only for the present name before it moves a device, and for the other one when it is too late.
    before = {one.name for one in link.every(there)}
    if _TEMPLATE not in wanted and wanted in before:
        raise Invalid(f"moving network device {name}: {wanted} exists in the container")
    addresses = [
        one.interface
        for one in address.every(here)
        if one.index == found.index and one.scope == address.RT_SCOPE_UNIVERSE and one.flags & address.IFA_F_PERMANENT
    ]
    here.apply(link.move(found.index, target, wanted))
    index = next(one.index for one in link.every(there) if one.name not in before)
    there.apply(link.change(index, up=True), *(address.add(index, interface) for interface in addresses))


def _socket_in(target: int) -> int:
    """An rtnetlink socket of another namespace."""
    home = os.open(_HERE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        namespace.setns(target, namespace.CLONE_NEWNET)
        try:
            kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
            return socket.socket(socket.AF_NETLINK, kind, NETLINK_ROUTE).detach()
        finally:
            namespace.setns(home, namespace.CLONE_NEWNET)
    finally:
        os.close(home)
