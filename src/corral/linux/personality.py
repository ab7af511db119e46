"""personality(2): as which kind of Linux the kernel shows itself to a process."""

from __future__ import annotations

from typing import Final

from corral.linux import libc

DOMAINS: Final[dict[str, int]] = {"LINUX": 0x0000, "LINUX32": 0x0008}


def personality(persona: int) -> int:
    """Returns the former one. Raises OSError."""
    return libc.syscall("personality", persona)
