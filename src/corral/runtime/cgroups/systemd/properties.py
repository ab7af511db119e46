"""Limits in systemd's words (systemd.resource-control(5)), for it to know what it manages.

The files are written by ourselves as well, after it: they say more than these properties can. But what systemd is not
told it may put back to a default whenever it applies a unit's properties again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from corral.oci.runtime import Cpu, DeviceRule, Memory, Resources
from corral.runtime.cgroups.blkio import weight_of_v1
from corral.runtime.cgroups.cpu import weight_of_shares
from corral.runtime.cgroups.devices import Entry, device_list

__all__ = ["Property", "of_resources"]

Property = tuple[str, tuple[str, object]]
"""Name, and a variant: type signature and value."""

_INFINITY: Final = 2**64 - 1
_SECOND: Final = 1_000_000
_PER_CENT: Final = 10_000
_DEFAULT_PERIOD: Final = 100_000


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
        found.append(_number("TasksMax", resources.pids.limit if resources.pids.limit > 0 else -1))
    if resources.block_io is not None and resources.block_io.weight:
        weight = resources.block_io.weight
        found.append(_number("BlockIOWeight", weight) if version == 1 else _number("IOWeight", weight_of_v1(weight)))
    if resources.devices:
        found += _devices(resources.devices, device_names or _device_names)
    return found


def _memory_v1(memory: Memory) -> list[Property]:
    return [_number("MemoryLimit", memory.limit)] if memory.limit else []


def _memory_v2(memory: Memory) -> list[Property]:
    found = []
    if memory.limit:
        found.append(_number("MemoryMax", memory.limit))
    if memory.reservation:
        found.append(_number("MemoryLow", memory.reservation))
    if memory.swap:
        swap = memory.swap if memory.swap == -1 else memory.swap - (memory.limit or 0)
        found.append(_number("MemorySwapMax", swap))
    return found


def _cpu(cpu: Cpu, version: int) -> list[Property]:
    found = []
    if cpu.shares:
        found.append(
            _number("CPUShares", cpu.shares) if version == 1 else _number("CPUWeight", weight_of_shares(cpu.shares))
        )
    if cpu.period:
        found.append(_number("CPUQuotaPeriodUSec", cpu.period))
    if cpu.quota or cpu.period:
        found.append(_number("CPUQuotaPerSecUSec", _quota_of_a_second(cpu)))
    if version == 2:
        for name, text in (("AllowedCPUs", cpu.cpus), ("AllowedMemoryNodes", cpu.mems)):
            if text:
                found.append((name, ("ay", _bits(text))))
    return found


def _quota_of_a_second(cpu: Cpu) -> int:
    """Microseconds; systemd counts in per cents, so it is rounded up to one."""
    if not cpu.quota or cpu.quota < 0:
        return -1
    exact = cpu.quota * _SECOND // (cpu.period or _DEFAULT_PERIOD)
    return -(-exact // _PER_CENT) * _PER_CENT


def _bits(text: str) -> bytes:
    """ "0-1,9" -> b"\\3\\2": a bit for each number, the least significant first."""
    mask = 0
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        for number in range(int(first), int(last if dash else first) + 1):
            mask |= 1 << number
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


def _devices(rules: Iterable[DeviceRule], names: Callable[[str], dict[int, str]]) -> list[Property]:
    """systemd knows lists of what is allowed only; those of what is denied are our own program's alone."""
    devices = device_list(rules)
    if devices.allow:
        return [("DevicePolicy", ("s", "auto"))]
    allowed = [(path, entry.access) for entry in devices.exceptions if (path := _device_path(entry, names))]
    return [("DevicePolicy", ("s", "strict")), ("DeviceAllow", ("a(ss)", allowed))]


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


def _number(name: str, value: int) -> Property:
    return name, ("t", _INFINITY if value < 0 else value)
