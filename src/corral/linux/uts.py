"""sethostname(2) and setdomainname(2): the names of the calling process's UTS namespace."""

from __future__ import annotations

import os

from corral.linux import libc


def sethostname(name: str) -> None:
    """At most 64 bytes. Raises OSError."""
    encoded = os.fsencode(name)
    libc.syscall("sethostname", encoded, len(encoded))


def setdomainname(name: str) -> None:
    """The NIS domain, at most 64 bytes. Raises OSError."""
    encoded = os.fsencode(name)
    libc.syscall("setdomainname", encoded, len(encoded))
