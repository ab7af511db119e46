"""Which namespaces a container's first process is in, as /proc/PID/ns shows them."""

from __future__ import annotations

import functools
import os
from typing import Final

__all__ = ["of_host", "read"]

_KINDS: Final = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


def read(pid: int) -> dict[str, str]:
    """By kind, "pid:[4026531836]"; empty when there is no such process any more."""
    try:
        return {kind: os.readlink(f"/proc/{pid}/ns/{kind}") for kind in _KINDS}
    except OSError:
        return {}


@functools.cache
def _own() -> dict[str, str]:
    return read(os.getpid())


def of_host(namespaces: dict[str, str]) -> list[str]:
    """Kinds of those that are the daemon's own."""
    return [kind for kind, name in namespaces.items() if _own().get(kind) == name]
