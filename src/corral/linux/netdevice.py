"""netdevice(7): the flags of a network interface, by ioctl, for the one thing that needs no netlink."""

from __future__ import annotations

import fcntl
import socket
import struct
from typing import Final

SIOCGIFFLAGS: Final = 0x8913
SIOCSIFFLAGS: Final = 0x8914
IFF_UP: Final = 1
_IFREQ: Final = struct.Struct("16sH22x")


def set_up(name: str) -> None:
    """Bring an interface of the calling process's network namespace up. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        request = fcntl.ioctl(sock, SIOCGIFFLAGS, _IFREQ.pack(name.encode(), 0))
        _, flags = _IFREQ.unpack(request)
        fcntl.ioctl(sock, SIOCSIFFLAGS, _IFREQ.pack(name.encode(), flags | IFF_UP))
