"""sethostname(2) and setdomainname(2): the names of the calling process's UTS namespace."""

from __future__ import annotations

import ctypes
import os

from corral.linux import libc


def sethostname(name: str) -> None:
    """At most 64 bytes. Raises OSError."""
    encoded = os.fsencode(name)
    libc.call("sethostname", ctypes.c_char_p(encoded), len(encoded))


def setdomainname(name: str) -> None:
    """The NIS domain, at most 64 bytes. Raises OSError."""
    encoded = os.fsencode(name)
    libc.call("setdomainname", ctypes.c_char_p(encoded), len(encoded))
