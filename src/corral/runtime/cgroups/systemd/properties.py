"""Limits in systemd's words (systemd.resource-control(5)), for it to know what it manages.

The files are written by ourselves as well: they say more than these properties can. But what systemd is not told it may
put back to a default whenever it applies a unit's properties again. Of two that are the same the later one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from corral.oci.runtime import Cpu, DeviceRule, Memory, Resources
from corral.runtime.cgroups.blkio import weight_of_v1
from corral.runtime.cgroups.cpu import weight_of_shares
from corral.runtime.cgroups.devices import Entry, device_list
from corral.runtime.cgroups.systemd.unified import of_unified
from corral.runtime.cgroups.systemd.words import Property, bits, number, quota

__all__ = ["Property", "devices", "of_resources"]


def of_resources(
    resources: Resources, version: int, device_names: Callable[[str], dict[int, str]] | None = None
) -> list[Property]:
    """``version`` of the memory controller's hierarchy; ``device_names``: from "c" or "b" to the names of majors."""
    found: list[Property] = []
    if resources.memory is not None:
        found += _memory_v1(resources.memory) if version == 1 else _memory_v2(resources.memory)
    if resources.cpu is not None:
        found += _cpu(resources.cpu, version)
    if resources.pids is not None:
        found.append(number("TasksMax", resources.pids.limit if resources.pids.limit > 0 else -1))
    if resources.block_io is not None and resources.block_io.weight:
        weight = resources.block_io.weight
        found.append(number("BlockIOWeight", weight) if version == 1 else number("IOWeight", weight_of_v1(weight)))
    if resources.unified:
        found += of_unified(resources.unified)
    if resources.devices:
        found += devices(resources.devices, version, device_names)
    return found


def _memory_v1(memory: Memory) -> list[Property]:
    return [number("MemoryLimit", memory.limit)] if memory.limit else []


def _memory_v2(memory: Memory) -> list[Property]:
    found = []
    if memory.limit:
        found.append(number("MemoryMax", memory.limit))
    if memory.reservation:
        found.append(number("MemoryLow", memory.reservation))
    if memory.swap:
        swap = memory.swap if memory.swap == -1 else memory.swap - (memory.limit or 0)
        found.append(number("MemorySwapMax", swap))
    return found


def _cpu(cpu: Cpu, version: int) -> list[Property]:
    found = []
    if version == 2 and cpu.idle == 1:
        found.append(number("CPUWeight", 0))
    elif cpu.shares:
        found.append(
            number("CPUShares", cpu.shares) if version == 1 else number("CPUWeight", weight_of_shares(cpu.shares))
        )
    found += quota(cpu.quota, cpu.period)
    if version == 2:
        for name, text in (("AllowedCPUs", cpu.cpus), ("AllowedMemoryNodes", cpu.mems)):
            if text:
                found.append((name, ("ay", bits(text))))
    return found


def devices(
    rules: Iterable[DeviceRule], version: int, names: Callable[[str], dict[int, str]] | None = None
) -> list[Property]:
    """systemd knows lists of what is allowed only; those of what is denied are our own program's, or file's, alone.

    In version 1 it removes groups of controllers that nothing is said about, and Delegate= says nothing of devices.
    """
    listed = device_list(rules)
    forgotten: Property = ("DeviceAllow", ("a(ss)", []))  # others are added to what was there before
    if listed.allow:
        everything: Property = ("DeviceAllow", ("a(ss)", [("char-*", "rwm"), ("block-*", "rwm")]))
        return [("DevicePolicy", ("s", "auto")), forgotten, *([everything] if version == 1 else [])]
    paths = ((_device_path(entry, names or _device_names), entry.access) for entry in listed.exceptions)
    allowed = [(path, access) for path, access in paths if path is not None]
    return [("DevicePolicy", ("s", "strict")), forgotten, ("DeviceAllow", ("a(ss)", allowed))]


def _device_path(entry: Entry, names: Callable[[str], dict[int, str]]) -> str | None:
    kind = "char" if entry.type == "c" else "block"
    if entry.major is None:
        return f"{kind}-*"
    if entry.minor is None:
        name = names(entry.type).get(entry.major)
        return f"{kind}-{name}" if name is not None else None
    return f"/dev/{kind}/{entry.major}:{entry.minor}"


def _device_names(kind: str) -> dict[int, str]:
    """/proc/devices."""
    found: dict[int, str] = {}
    section = ""
    with open("/proc/devices") as file:
        for line in file:
            if line.endswith("devices:\n"):
                section = "c" if line.startswith("Character") else "b"
            elif section == kind and line.strip():
                major, name = line.split()
                found[int(major)] = name
    return found
