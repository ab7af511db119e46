"""Version 2 files by name (``linux.resources.unified``) in systemd's words, for those files that it writes itself.

Others are ours alone, and their controllers' or values' errors are the kernel's to find.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from corral.runtime.cgroups.systemd.words import Property, bits, number, quota

__all__ = ["of_unified"]

_NUMBERS: Final = {
    "cpu.weight": "CPUWeight",
    "memory.min": "MemoryMin",
    "memory.low": "MemoryLow",
    "memory.high": "MemoryHigh",
    "memory.max": "MemoryMax",
    "memory.swap.max": "MemorySwapMax",
    "memory.zswap.max": "MemoryZSwapMax",
    "pids.max": "TasksMax",
}
_LISTS: Final = {"cpuset.cpus": "AllowedCPUs", "cpuset.mems": "AllowedMemoryNodes"}


def of_unified(files: Mapping[str, str]) -> list[Property]:
    """What cannot be read is left out."""
    found: list[Property] = []
    for file, value in files.items():
        try:
            found += _of_file(file, value.strip())
        except ValueError:
            continue
    return found


def _of_file(file: str, value: str) -> list[Property]:
    """Raises ValueError."""
    if file in _NUMBERS:
        return [number(_NUMBERS[file], -1 if value == "max" else int(value))]
    if file in _LISTS:
        return [(_LISTS[file], ("ay", bits(value)))] if value else []
    if file == "io.weight":
        default = value.removeprefix("default").strip()
        return [number("IOWeight", int(default))]
    if file == "cpu.max":
        limit, _, period = value.partition(" ")
        return quota(-1 if limit == "max" else int(limit), int(period) if period else None)
    if file == "cpu.idle":
        return [number("CPUWeight", 0)] if int(value) else []
    return []
