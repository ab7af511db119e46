"""Kernel settings below /proc/sys/net: those of the network namespace of the process that writes them."""

from __future__ import annotations

import logging
from typing import Final

__all__ = ["enable_forwarding", "write"]

_log: Final = logging.getLogger(__name__)
_ROOT: Final = "/proc/sys/net"


def write(name: str, value: str) -> bool:
    """Sets ``name`` ("ipv4/ip_forward") unless it has that value; says whether it now has it.

    A machine that refuses (a read-only /proc/sys) costs the feature that needs the setting, not the daemon.
    """
    path = f"{_ROOT}/{name}"
    try:
        with open(path, "r+b", buffering=0) as file:
            if file.read(64).strip() == value.encode():
                return True
            file.seek(0)
            file.write(value.encode())
    except FileNotFoundError:
        return False
    except OSError as error:
        try:
            with open(path, "rb", buffering=0) as file:
                if file.read(64).strip() == value.encode():
                    return True
        except OSError:
            pass
        _log.warning("cannot set net/%s to %s: %s", name, value, error.strerror)
        return False
    return True


def enable_forwarding() -> bool:
    """Lets the kernel route IPv4 between interfaces, which every bridge network with a way out needs."""
    return write("ipv4/ip_forward", "1")
