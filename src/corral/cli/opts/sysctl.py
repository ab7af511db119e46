"""--sysctl: only what belongs to a namespace of the container."""

from __future__ import annotations

_NAMESPACED = (
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
    "kernel.shmmni", "kernel.shm_rmid_forced",
)  # fmt: skip
_PREFIXES = ("net.", "fs.mqueue.")


def parse_sysctl(text: str) -> str:
    """``net.core.somaxconn=1024``. Raises ValueError."""
    name, equals, _ = text.partition("=")
    if not equals or not (name in _NAMESPACED or name.startswith(_PREFIXES)):
        raise ValueError(f"sysctl '{text}' is not allowed")
    return text
