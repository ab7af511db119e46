"""Architectures that filters are made for, and their system call numbers (from the kernel's headers, Linux 7.2).

Names are libseccomp's ("SCMP_ARCH_X86_64"), Go's ("amd64", in profiles) and uname's ("x86_64").
"""

from __future__ import annotations

import functools
import json
import os
from dataclasses import dataclass
from typing import Final

from corral.linux import seccomp

__all__ = ["ARCHITECTURES", "X32_BIT", "Architecture", "native", "numbers"]

X32_BIT: Final = 0x40000000
"""x32 shares its audit number with x86_64; this bit in the system call number tells them apart."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """``column``: its place in the rows of syscalls.json. ``word``: bits of an argument that filters compare."""

    name: str
    go_name: str
    machine: str
    audit: int
    column: int
    word: int
    companions: tuple[str, ...] = ()
    """What a 64-bit kernel runs as well, by ``name``."""


ARCHITECTURES: Final[dict[str, Architecture]] = {
    a.name: a
    for a in (
        Architecture(
            "SCMP_ARCH_X86_64", "amd64", "x86_64", seccomp.AUDIT_ARCH_X86_64, 0, 64,
            ("SCMP_ARCH_X86", "SCMP_ARCH_X32"),
        ),
        Architecture("SCMP_ARCH_X86", "386", "i686", seccomp.AUDIT_ARCH_I386, 1, 32),
        Architecture("SCMP_ARCH_X32", "x32", "", seccomp.AUDIT_ARCH_X86_64, 2, 32),
        Architecture("SCMP_ARCH_AARCH64", "arm64", "aarch64", seccomp.AUDIT_ARCH_AARCH64, 3, 64, ("SCMP_ARCH_ARM",)),
        Architecture("SCMP_ARCH_ARM", "arm", "armv7l", seccomp.AUDIT_ARCH_ARM, 4, 32),
    )
}  # fmt: skip
"""By libseccomp's name."""


def native(machine: str) -> Architecture | None:
    """By uname's name of the machine; None when there are no tables for it."""
    if machine in ("i386", "i486", "i586"):
        machine = "i686"
    if machine.startswith("armv"):
        machine = "armv7l"
    for architecture in ARCHITECTURES.values():
        if architecture.machine == machine:
            return architecture
    return None


@functools.cache
def numbers(name: str) -> dict[str, int]:
    """System call names -> numbers of the architecture with libseccomp's ``name``; x32's with X32_BIT."""
    column = ARCHITECTURES[name].column
    bit = X32_BIT if name == "SCMP_ARCH_X32" else 0
    return {call: row[column] | bit for call, row in _table().items() if row[column] is not None}


@functools.cache
def _table() -> dict[str, list[int]]:
    with open(os.path.join(os.path.dirname(__file__), "syscalls.json"), encoding="ascii") as file:
        table: dict[str, list[int]] = json.load(file)
    return table
